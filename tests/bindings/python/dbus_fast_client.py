"""Lists the peers and sends a message with dbus-fast's high-level proxies.

usage: dbus_fast_client.py ADDRESS_OF_BUS RECIPIENT TEXT

ADDRESS_OF_BUS is unix:path=SOCKET for the daemon's private socket. Prints one line for each peer
(`peer ADDRESS`) and one for the message (`sent ID`).
"""

import asyncio
import sys

from dbus_fast import BusType, Variant
from dbus_fast.aio import MessageBus

SERVICE = "org.quicprochat.Daemon1"
PATH = "/org/quicprochat"


async def main(bus_address: str, recipient: str, text: str) -> None:
    bus = await MessageBus(bus_address=bus_address, bus_type=BusType.SESSION).connect()
    # What can be called comes from the daemon itself, by introspection.
    introspection = await bus.introspect(SERVICE, PATH)
    daemon = bus.get_proxy_object(SERVICE, PATH, introspection)
    peers = daemon.get_interface("org.quicprochat.Peers1")
    for peer in await peers.call_list():
        print("peer", peer["address"].value)
    messages = daemon.get_interface("org.quicprochat.Messages1")
    options = {"priority": Variant("s", "high"), "lifetime_s": Variant("u", 600)}
    print("sent", await messages.call_send(recipient, text.encode(), options))
    address = await daemon.get_interface("org.quicprochat.Daemon1").get_address()
    print("own", address)
    bus.disconnect()


asyncio.run(main(*sys.argv[1:]))
