"""Reticulum (rns) under the same measurements as qpcd: what stands beside our figures.

    reticulum.py line   HOPS COUNT        proven round trips of 100 B over HOPS hops (ms, p50),
                                          and announce to reachable over HOPS - 1 relays (s)
    reticulum.py ingest COUNT RATE        announces of distinct identities into one node: taken
                                          per CPU-second, lost (%), resident bytes of each
    reticulum.py idle   SECONDS           resident bytes and CPU share of an idle node

Prints one JSON object. Every node is a process of its own (this file with the role `node`), joined
to the next by rns's own TCP interfaces on loopback.
"""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

APP = ("bench", "echo")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configure(folder, listen, connect):
    """Writes a node's configuration: transport on, no shared instance, no rate limits in the way."""
    os.makedirs(folder, exist_ok=True)
    interfaces = ""
    if listen:
        interfaces += (
            "  [[listen]]\n    type = TCPServerInterface\n    enabled = yes\n"
            f"    listen_ip = 127.0.0.1\n    listen_port = {listen}\n    ingress_control = no\n"
        )
    if connect:
        interfaces += (
            "  [[connect]]\n    type = TCPClientInterface\n    enabled = yes\n"
            f"    target_host = 127.0.0.1\n    target_port = {connect}\n    ingress_control = no\n"
        )
    with open(os.path.join(folder, "config"), "w") as config:
        config.write(
            "[reticulum]\n  enable_transport = yes\n  share_instance = no\n"
            f"[logging]\n  loglevel = 1\n[interfaces]\n{interfaces}"
        )


class Node:
    """A node process that takes one-line commands and answers with one line of JSON."""

    def __init__(self, folder, listen=None, connect=None):
        configure(folder, listen, connect)
        self.process = subprocess.Popen(
            [sys.executable, __file__, "node", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = self.read()["address"]

    def read(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.read()

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


def serve(folder):
    """The role `node`."""
    import RNS

    RNS.Reticulum(folder)
    identity = RNS.Identity()
    echo = RNS.Destination(identity, RNS.Destination.IN, RNS.Destination.SINGLE, *APP)
    echo.set_proof_strategy(RNS.Destination.PROVE_ALL)
    print(json.dumps({"address": echo.hash.hex()}), flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "announce":
            echo.announce()
            answer = {}
        elif command == "knows":
            answer = {"known": RNS.Transport.has_path(bytes.fromhex(arguments[0]))}
        elif command == "await":
            answer = await_path(RNS, bytes.fromhex(arguments[0]), float(arguments[1]))
        elif command == "paths":
            answer = {"paths": len(RNS.Transport.path_table)}
        elif command == "probe":
            answer = probe(RNS, bytes.fromhex(arguments[0]), int(arguments[1]))
        print(json.dumps(answer), flush=True)


def await_path(RNS, destination, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if RNS.Transport.has_path(destination):
            return {"at": time.time(), "hops": RNS.Transport.hops_to(destination)}
        time.sleep(0.001)
    return {"at": None}


def probe(RNS, address, count):
    """Round trips of proven packets with 100 B of payload, in milliseconds."""
    import threading

    identity = RNS.Identity.recall(address)
    destination = RNS.Destination(identity, RNS.Destination.OUT, RNS.Destination.SINGLE, *APP)
    times = []
    for _ in range(count):
        proven = threading.Event()
        receipt = RNS.Packet(destination, os.urandom(100)).send()
        receipt.set_delivery_callback(lambda _: proven.set())
        if receipt.status == RNS.PacketReceipt.DELIVERED or proven.wait(2):
            # The receipt's own clock: set by the thread that got the proof.
            times.append((receipt.concluded_at - receipt.sent_at) * 1e3)
    return {"times_ms": times}


def line(hops, count):
    with tempfile.TemporaryDirectory() as folder:
        ports = [free_port() for _ in range(hops)]
        nodes = []
        try:
            for index in range(hops + 1):
                listen = ports[index] if index < hops else None
                connect = ports[index - 1] if index > 0 else None
                nodes.append(Node(os.path.join(folder, str(index)), listen, connect))
                time.sleep(0.3)
            time.sleep(3)
            first, last = nodes[0], nodes[-1]
            reach = []
            for _ in range(3):
                announced = time.time()
                last.ask("announce")
                found = first.ask("await", last.address, 60)
                if found["at"]:
                    reach.append(found["at"] - announced)
                    break
            times = first.ask("probe", last.address, count)["times_ms"]
            return {
                "hops": found.get("hops"),
                "reach_s": reach[0] if reach else None,
                "rtt_ms": statistics.median(times) if times else None,
                "proven": len(times),
            }
        finally:
            for node in nodes:
                node.stop()


def announces(count, folder):
    """Raw announce packets of distinct identities, made by rns itself."""
    import RNS

    configure(folder, None, None)
    RNS.Reticulum(folder)
    packets = []
    for _ in range(count):
        destination = RNS.Destination(
            RNS.Identity(), RNS.Destination.IN, RNS.Destination.SINGLE, *APP
        )
        packet = destination.announce(send=False)
        packet.pack()
        packets.append(packet.raw)
        # rns keeps every destination it made; the next one would be checked against all.
        RNS.Transport.deregister_destination(destination)
    return packets


def hdlc(packet):
    escaped = packet.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e")
    return b"\x7e" + escaped + b"\x7e"


def feed(link, packets, rate):
    """Sends packets at so many a second."""
    started = time.monotonic()
    for index, packet in enumerate(packets):
        ahead = index / rate - (time.monotonic() - started)
        if ahead > 0.002:
            time.sleep(ahead)
        link.sendall(hdlc(packet))


def ingest(count, rate):
    with tempfile.TemporaryDirectory() as folder:
        packets = announces(count, os.path.join(folder, "maker"))
        port = free_port()
        node = Node(os.path.join(folder, "node"), port)
        try:
            time.sleep(2)
            before = (node.cpu_seconds(), node.resident_bytes())
            # The link stays up while we count: a node forgets paths over links that are gone.
            with socket.create_connection(("127.0.0.1", port)) as link:
                time.sleep(1)
                feed(link, packets, rate)
                known, paths = -1, 0
                while known != paths:
                    known = paths
                    time.sleep(3)
                    paths = node.ask("paths")["paths"]
            cpu = node.cpu_seconds() - before[0]
            return {
                "taken": paths,
                "lost_percent": 100 * (count - paths) / count,
                "per_cpu_s": paths / cpu,
                "bytes_each": (node.resident_bytes() - before[1]) / max(paths, 1),
            }
        finally:
            node.stop()


def idle(seconds):
    with tempfile.TemporaryDirectory() as folder:
        node = Node(os.path.join(folder, "node"), free_port())
        try:
            time.sleep(5)
            before = node.cpu_seconds()
            time.sleep(seconds)
            share = (node.cpu_seconds() - before) / seconds
            return {"resident_bytes": node.resident_bytes(), "cpu_percent": 100 * share}
        finally:
            node.stop()


def main():
    role, *arguments = sys.argv[1:]
    if role == "node":
        serve(arguments[0])
        return
    numbers = [int(argument) for argument in arguments]
    measured = {"line": line, "ingest": ingest, "idle": idle}[role](*numbers)
    print(json.dumps(measured))
    sys.stdout.flush()
    # rns keeps threads that outlive their work.
    os._exit(0)


if __name__ == "__main__":
    main()
