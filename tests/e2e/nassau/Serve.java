import com.paritytrading.nassau.moldudp64.MoldUDP64DefaultMessageStore;
import com.paritytrading.nassau.moldudp64.MoldUDP64DownstreamPacket;
import com.paritytrading.nassau.moldudp64.MoldUDP64RequestServer;
import com.paritytrading.nassau.moldudp64.MoldUDP64Server;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Random;

/** An independent MoldUDP64 server with a request server.  Usage: Serve FILE GROUP PORT DROP SEED:
 *  sends the length-framed messages of FILE, each packet left out with probability DROP, answers
 *  requests, and ends the session.  Prints the request server's port first, then how many packets
 *  it sent and left out. */
final class Serve {
    private static DatagramChannel sender(InetAddress local, InetAddress group, int port) throws Exception {
        DatagramChannel c = DatagramChannel.open(StandardProtocolFamily.INET);
        c.setOption(StandardSocketOptions.IP_MULTICAST_IF, NetworkInterface.getByInetAddress(local));
        c.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 0);
        c.connect(new InetSocketAddress(group, port));
        return c;
    }

    public static void main(String[] args) throws Exception {
        byte[] file = Files.readAllBytes(Paths.get(args[0]));
        InetAddress local = InetAddress.getByName("127.0.0.1");
        InetAddress group = InetAddress.getByName(args[1]);
        int port = Integer.parseInt(args[2]);
        double drop = Double.parseDouble(args[3]);
        Random random = new Random(Long.parseLong(args[4]));
        DatagramChannel nowhere = DatagramChannel.open(StandardProtocolFamily.INET);
        DatagramChannel sink = DatagramChannel.open(StandardProtocolFamily.INET);
        sink.bind(new InetSocketAddress(local, 0));
        nowhere.connect(sink.getLocalAddress());
        DatagramChannel answers = DatagramChannel.open(StandardProtocolFamily.INET);
        answers.bind(new InetSocketAddress(local, 0));
        answers.configureBlocking(false);
        MoldUDP64Server server = new MoldUDP64Server(sender(local, group, port), "nassau");
        MoldUDP64Server left = new MoldUDP64Server(nowhere, "nassau");
        MoldUDP64RequestServer requests = new MoldUDP64RequestServer(answers);
        MoldUDP64DefaultMessageStore store = new MoldUDP64DefaultMessageStore();
        System.out.println(((InetSocketAddress) answers.getLocalAddress()).getPort());
        System.out.flush();
        System.in.read();
        int sent = 0, dropped = 0, sequence = 1;
        ByteBuffer in = ByteBuffer.wrap(file);
        MoldUDP64DownstreamPacket packet = new MoldUDP64DownstreamPacket();
        while (in.remaining() >= 2) {
            int size = in.getShort(in.position()) & 0xffff;
            if (in.remaining() < 2 + size)
                break;
            boolean full = packet.messageCount() >= 12;
            if (full) {
                boolean out = random.nextDouble() < drop && sequence > 1;
                int count = packet.messageCount();
                (out ? left : server).setNextSequenceNumber(sequence);
                (out ? left : server).send(packet);
                sequence += count;
                sent++;
                dropped += out ? 1 : 0;
                packet.clear();
                requests.serve(store);
                Thread.sleep(0, 200_000);
            }
            ByteBuffer message = in.slice();
            message.position(2);
            message.limit(2 + size);
            store.put(message.duplicate());
            packet.put(message);
            in.position(in.position() + 2 + size);
        }
        server.setNextSequenceNumber(sequence);
        server.send(packet);
        sequence += packet.messageCount();
        server.setNextSequenceNumber(sequence);
        for (int i = 0; i < 300; i++) {
            requests.serve(store);
            if (i % 10 == 0)
                server.sendHeartbeat();
            Thread.sleep(10);
        }
        for (int i = 0; i < 10; i++) {
            server.sendEndOfSession();
            requests.serve(store);
            Thread.sleep(20);
        }
        System.out.printf("{\"packets\": %d, \"left_out\": %d, \"messages\": %d}%n", sent + 1, dropped, sequence - 1);
        System.exit(0);
    }
}
