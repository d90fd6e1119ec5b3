import com.paritytrading.nassau.MessageListener;
import com.paritytrading.nassau.moldudp64.MoldUDP64Client;
import com.paritytrading.nassau.moldudp64.MoldUDP64ClientState;
import com.paritytrading.nassau.moldudp64.MoldUDP64ClientStatusListener;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.ByteBuffer;
import java.util.zip.CRC32;

/** An independent MoldUDP64 client: follows our venue's line and recovers gaps from its rewind
 *  server.  Usage: Follow GROUP PORT REWIND_PORT TIMEOUT_S.  Prints one line of JSON at the end of
 *  the session: messages, bytes, crc32 of all messages with their two-byte lengths, requests. */
final class Follow implements MessageListener, MoldUDP64ClientStatusListener {
    private long messages, bytes, requests;
    private boolean ended;
    private final CRC32 crc = new CRC32();

    @Override
    public void message(ByteBuffer buffer) {
        byte[] m = new byte[buffer.remaining()];
        buffer.get(m);
        crc.update(m.length >> 8);
        crc.update(m.length & 0xff);
        crc.update(m);
        messages++;
        bytes += m.length;
    }

    @Override
    public void state(MoldUDP64Client client, MoldUDP64ClientState next) {
    }

    @Override
    public void downstream(MoldUDP64Client client, long sequenceNumber, int messageCount) {
    }

    @Override
    public void request(MoldUDP64Client client, long sequenceNumber, int count) {
        requests++;
    }

    @Override
    public void endOfSession(MoldUDP64Client client) {
        ended = true;
    }

    public static void main(String[] args) throws Exception {
        InetAddress group = InetAddress.getByName(args[0]);
        int port = Integer.parseInt(args[1]);
        InetAddress local = InetAddress.getByName("127.0.0.1");
        DatagramChannel feed = DatagramChannel.open(StandardProtocolFamily.INET);
        feed.setOption(StandardSocketOptions.SO_REUSEADDR, true);
        feed.setOption(StandardSocketOptions.SO_RCVBUF, 4 << 20);
        feed.bind(new InetSocketAddress(group, port));
        feed.join(group, NetworkInterface.getByInetAddress(local));
        feed.configureBlocking(false);
        DatagramChannel ask = DatagramChannel.open(StandardProtocolFamily.INET);
        ask.bind(new InetSocketAddress(local, 0));
        ask.configureBlocking(false);
        Follow me = new Follow();
        MoldUDP64Client client = new MoldUDP64Client(feed, ask,
            new InetSocketAddress(local, Integer.parseInt(args[2])), me, me, 1);
        Selector selector = Selector.open();
        feed.register(selector, SelectionKey.OP_READ);
        ask.register(selector, SelectionKey.OP_READ);
        System.err.println("following");
        long deadline = System.nanoTime() + Long.parseLong(args[3]) * 1_000_000_000L;
        while (!me.ended && System.nanoTime() < deadline) {
            selector.select(100);
            for (SelectionKey key : selector.selectedKeys()) {
                if (key.channel() == feed) {
                    while (client.receive())
                        ;
                } else {
                    while (client.receiveResponse())
                        ;
                }
            }
            selector.selectedKeys().clear();
        }
        System.out.printf("{\"ended\": %b, \"messages\": %d, \"bytes\": %d, \"crc32\": %d, \"requests\": %d}%n",
            me.ended, me.messages, me.bytes, me.crc.getValue(), me.requests);
        System.exit(me.ended ? 0 : 1);
    }
}
