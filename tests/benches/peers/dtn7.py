"""dtn7 (dtnd) under the same measurements as qpcd: what stands beside our figures.

    dtn7.py DTND direct COUNT BYTES    bundles a second over one direct mtcp hop, kept in memory
    dtn7.py DTND absent COUNT          seconds until bundles kept for an absent node reach it
    dtn7.py DTND idle   SECONDS        resident bytes and CPU share of an idle daemon

Prints one JSON object. Bundles are BPv7 (RFC 9171) without CRC, written here; they are fed to the
daemon as a neighbour would, over mtcp (each bundle a CBOR byte string).
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def head(major, value):
    """A CBOR head: major type and argument, in its shortest form."""
    if value < 24:
        return bytes([major << 5 | value])
    for width, code in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if value < 1 << (8 * width):
            return bytes([major << 5 | code]) + value.to_bytes(width, "big")
    raise ValueError(value)


def endpoint(name):
    """`dtn://name` as an endpoint id: scheme 1 and the part behind it."""
    text = name.encode()
    return head(4, 2) + head(0, 1) + head(3, len(text)) + text


def bundle(sequence, payload):
    """A bundle from a neighbour to the endpoint `incoming` of the node `b`."""
    source, created_ms = endpoint("//feeder/out"), int((time.time() - 946684800) * 1000)
    primary = (
        head(4, 8) + head(0, 7) + head(0, 4) + head(0, 0)  # version, flags, no CRC
        + endpoint("//b/incoming") + source + source
        + head(4, 2) + head(0, created_ms) + head(0, sequence)
        + head(0, 3600 * 1000)
    )
    canonical = (
        head(4, 5) + head(0, 1) + head(0, 1) + head(0, 0) + head(0, 0)
        + head(2, len(payload)) + payload
    )
    return b"\x9f" + primary + canonical + b"\xff"


class Daemon:
    def __init__(self, dtnd, name, folder, mtcp, peer=None):
        self.web = free_port()
        arguments = [
            dtnd, "-n", name, "-W", folder, "-w", str(self.web), "--disable_nd",
            "-C", f"mtcp:port={mtcp}:bind=127.0.0.1", "-D", "mem", "-i", "0", "-j", "1s",
            "-r", "epidemic", "-e", "incoming",
        ]
        if peer:
            arguments += ["-s", f"mtcp://127.0.0.1:{peer}/b"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(arguments, **quiet)
        for _ in range(200):
            try:
                self.bundles()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("dtnd does not answer")

    def bundles(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/status/bundles") as answer:
            return len(json.load(answer))

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            line = next(line for line in status if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.kill()
        self.process.wait()


def feed(port, bundles):
    with socket.create_connection(("127.0.0.1", port)) as link:
        for item in bundles:
            link.sendall(head(2, len(item)) + item)


def wait_for(daemon, count, pause_s=0.05, within_s=120):
    deadline = time.monotonic() + within_s
    while daemon.bundles() < count:
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
    return True


def follow(daemon, count, quiet_s=3):
    """Bundles that arrive until all are there or nothing comes any more, and when the last did."""
    taken, last = 0, time.monotonic()
    while taken < count and time.monotonic() - last < quiet_s:
        now_taken = daemon.bundles()
        if now_taken > taken:
            taken, last = now_taken, time.monotonic()
        time.sleep(0.01)
    return taken, last


def pair(dtnd, folder, ports):
    """A sending daemon and, beside it, how to start the receiving one."""
    for name in "ab":
        os.makedirs(os.path.join(folder, name))
    sender = Daemon(dtnd, "a", os.path.join(folder, "a"), ports[0], peer=ports[1])
    return sender, lambda: Daemon(dtnd, "b", os.path.join(folder, "b"), ports[1])


def direct(dtnd, count, size):
    with tempfile.TemporaryDirectory() as folder:
        ports = free_port(), free_port()
        sender, start_receiver = pair(dtnd, folder, ports)
        receiver = start_receiver()
        try:
            bundles = [bundle(n, os.urandom(size)) for n in range(count)]
            started = time.monotonic()
            feed(ports[0], bundles)
            taken, last = follow(receiver, count)
            seconds = last - started
            return {
                "lost": count - taken,
                "per_s": taken / seconds,
                "gbit_per_s": taken * size * 8 / seconds / 1e9,
            }
        finally:
            sender.stop()
            receiver.stop()


def absent(dtnd, count):
    with tempfile.TemporaryDirectory() as folder:
        ports = free_port(), free_port()
        keeper, start_receiver = pair(dtnd, folder, ports)
        receiver = None
        try:
            feed(ports[0], [bundle(n, os.urandom(100)) for n in range(count)])
            kept = wait_for(keeper, count)
            receiver = start_receiver()
            started = time.monotonic()
            complete = wait_for(receiver, count, 0.01)
            return {"kept": kept, "complete": complete, "seconds": time.monotonic() - started}
        finally:
            keeper.stop()
            if receiver:
                receiver.stop()


def idle(dtnd, seconds):
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(dtnd, "b", folder, free_port())
        try:
            time.sleep(2)
            before = daemon.cpu_seconds()
            time.sleep(seconds)
            share = (daemon.cpu_seconds() - before) / seconds
            return {"resident_bytes": daemon.resident_bytes(), "cpu_percent": 100 * share}
        finally:
            daemon.stop()


if __name__ == "__main__":
    program, role, *arguments = sys.argv[1:]
    numbers = [int(argument) for argument in arguments]
    print(json.dumps({"direct": direct, "absent": absent, "idle": idle}[role](program, *numbers)))
