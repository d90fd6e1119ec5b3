#!/usr/bin/env python3
"""doctor - what this box has and lacks, each line OK, WARN or FAIL with its mend.

FAIL: Octopus does not run here.  WARN: it runs, slower or with a part missing.
"""
import argparse
import ctypes
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

OK, WARN, FAIL = "OK", "WARN", "FAIL"


def read(path, default=""):
    try:
        with open(path, encoding="ascii", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return default


def check_cpu():
    flags = set(re.search(r"^flags\s*:(.*)$", read("/proc/cpuinfo"), re.M).group(1).split())
    want = {"avx2", "bmi2", "fma", "movbe"}
    if want - flags:
        return FAIL, "lacks " + " ".join(sorted(want - flags)), "use a machine of level x86-64-v3 (2015 or later)"
    return OK, "x86-64-v3", ""


def check_tsc():
    flags = read("/proc/cpuinfo")
    if "constant_tsc" in flags and "nonstop_tsc" in flags:
        return OK, "invariant time-stamp counter", ""
    return FAIL, "the time-stamp counter is not invariant", "enable it in the hypervisor, or use another machine"


def check_cores():
    n = len(os.sched_getaffinity(0))
    if n >= 4:
        return OK, f"{n} cores", ""
    if n >= 2:
        return WARN, f"{n} cores: lane on one, everything else on the other", "four or more for a production lane"
    return WARN, "1 core: the lane shares it with everything", "two or more"


def check_isolation():
    iso = read("/sys/devices/system/cpu/isolated")
    if iso:
        return OK, "isolated cores " + iso, ""
    return WARN, "no isolated cores: the kernel may interrupt the lane", "boot with isolcpus=, nohz_full= and rcu_nocbs= for the lane's cores"


def check_governor():
    g = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if g in ("", "performance"):
        return OK, "governor " + (g or "not exposed (virtual machine)"), ""
    return WARN, f"governor {g}", "cpupower frequency-set -g performance"


def check_huge():
    free = int(re.search(r"HugePages_Free:\s+(\d+)", read("/proc/meminfo")).group(1))
    if free:
        return OK, f"{free} free huge pages", ""
    return WARN, "no free huge pages: tables on 4 KiB pages, more TLB misses", "sysctl vm.nr_hugepages=512"


def check_memlock():
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if os.geteuid() == 0 or soft == resource.RLIM_INFINITY:
        return OK, "memory may be locked", ""
    return WARN, f"RLIMIT_MEMLOCK is {soft} bytes: pages may fault on the lane", "ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit"


def check_uring():
    libc = ctypes.CDLL(None, use_errno=True)
    params = ctypes.create_string_buffer(120)
    fd = libc.syscall(425, 4, params)
    if fd >= 0:
        os.close(fd)
        return OK, "io_uring works", ""
    err = ctypes.get_errno()
    return FAIL, f"io_uring_setup: {os.strerror(err)}", "allow io_uring: sysctl kernel.io_uring_disabled=0, or the container's seccomp profile"


def check_shm():
    st = os.statvfs("/dev/shm")
    free = st.f_bavail * st.f_frsize
    if free >= 512 << 20:
        return OK, f"/dev/shm has {free >> 20} MiB free", ""
    return FAIL, f"/dev/shm has only {free >> 20} MiB free", "mount -o remount,size=2G /dev/shm"


def check_disk():
    with tempfile.NamedTemporaryFile(dir=".") as f:
        worst = []
        for _ in range(8):
            f.write(b"x" * 4096)
            f.flush()
            t = time.perf_counter()
            os.fdatasync(f.fileno())
            worst.append(time.perf_counter() - t)
    ms = sorted(worst)[len(worst) // 2] * 1e3
    free = shutil.disk_usage(".").free
    if free < 2 << 30:
        return FAIL, f"{free >> 20} MiB free here", "the journal needs at least 2 GiB"
    if ms > 5:
        return WARN, f"fdatasync takes {ms:.1f} ms", "a device with power-loss protection"
    return OK, f"fdatasync takes {ms:.2f} ms, {free >> 30} GiB free", ""


def check_clock():
    class Timex(ctypes.Structure):
        _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
                    ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
                    ("pad", ctypes.c_char * 256)]
    t = Timex()
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(t))
    if state == 5 or t.status & 0x40:
        return WARN, "the clock is not synchronised", "run chrony or ptp4l with phc2sys"
    return OK, f"synchronised, maximum error {t.maxerror} us", ""


def check_multicast():
    import socket
    import struct
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("239.255.77.77", 0))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                     socket.inet_aton("239.255.77.77") + socket.inet_aton("127.0.0.1"))
        s.settimeout(1)
        t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        t.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        t.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, struct.pack("b", 0))
        t.sendto(b"octopus", ("239.255.77.77", s.getsockname()[1]))
        s.recv(16)
        return OK, "multicast on loopback works", ""
    except OSError as e:
        return FAIL, f"multicast on loopback: {e}", "ip link set lo multicast on; ip route add 239.0.0.0/8 dev lo"


def check_rcvbuf():
    v = int(read("/proc/sys/net/core/rmem_max", "0"))
    if os.geteuid() == 0 or v >= 8 << 20:
        return OK, "large receive buffers allowed", ""
    return WARN, f"net.core.rmem_max is {v}: bursts may be dropped", "sysctl net.core.rmem_max=33554432"


def check_dpdk():
    pci = read("/proc/bus/pci/devices")
    if subprocess.run(["pkg-config", "--exists", "libdpdk"], check=False).returncode:
        return WARN, "DPDK is not installed: kernel sockets only", "./octopus install"
    vfio = os.path.exists("/dev/vfio/vfio")
    if not vfio:
        return WARN, "DPDK is installed; no VFIO device to take a network card over" + ("" if pci else ", and no PCI bus"), "modprobe vfio-pci, on a host with an IOMMU"
    return OK, "DPDK and VFIO", ""


def check_dataplane_nic():
    return WARN, "this build moves packets with io_uring (kernel sockets), not DPDK", "none: the kernel-bypass driver is not part of this build"


CHECKS = [("cpu", check_cpu), ("tsc", check_tsc), ("cores", check_cores), ("isolation", check_isolation),
          ("governor", check_governor), ("huge pages", check_huge), ("memory lock", check_memlock),
          ("io_uring", check_uring), ("shared memory", check_shm), ("disk", check_disk), ("clock", check_clock),
          ("multicast", check_multicast), ("receive buffers", check_rcvbuf), ("dpdk", check_dpdk),
          ("nic driver", check_dataplane_nic)]


def main():
    ap = argparse.ArgumentParser(prog="octopus doctor", description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter,
                                 epilog="examples:\n  ./octopus doctor\n  ./octopus doctor -o json")
    ap.add_argument("-o", "--output", choices=["table", "json"], default="table")
    args = ap.parse_args()
    rows = []
    for name, fn in CHECKS:
        try:
            status, found, mend = fn()
        except Exception as e:  # a check that cannot run is a finding, not a crash
            status, found, mend = WARN, f"could not be checked: {e}", ""
        rows.append({"check": name, "status": status, "found": found, "mend": mend})
    if args.output == "json":
        json.dump(rows, sys.stdout, indent=1)
        print()
    else:
        for r in rows:
            print(f"{r['status']:<5} {r['check']:<16} {r['found']}" + (f"\n{'':23}mend: {r['mend']}" if r["mend"] else ""))
    return 1 if any(r["status"] == FAIL for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
