"""Lists the peers and sends a message with jeepney, blocking, and waits for the receipt.

usage: jeepney_client.py ADDRESS_OF_BUS RECIPIENT TEXT

Prints one line for each peer (`peer ADDRESS`), one for the message (`sent ID`), and one for the
error of a call that has to be refused (`refused NAME`).
"""

import sys

from jeepney import DBusAddress, DBusErrorResponse, MessageType, Properties, new_method_call
from jeepney.io.blocking import open_dbus_connection


def interface(name: str) -> DBusAddress:
    return DBusAddress(
        "/org/quicprochat", bus_name="org.quicprochat.Daemon1", interface=f"org.quicprochat.{name}"
    )


def main(bus_address: str, recipient: str, text: str) -> None:
    connection = open_dbus_connection(bus=bus_address)

    def call(about: str, method: str, signature: str = "", body: tuple = ()) -> tuple:
        message = new_method_call(interface(about), method, signature, body)
        reply = connection.send_and_get_reply(message, timeout=20)
        if reply.header.message_type == MessageType.error:
            raise DBusErrorResponse(reply)
        return reply.body

    (peers,) = call("Peers1", "List")
    for peer in peers:
        print("peer", peer["address"][1])
    (message_id,) = call("Messages1", "Send", "saya{sv}", (recipient, text.encode(), {}))
    print("sent", message_id)
    (state,) = call("Messages1", "Wait", "su", (message_id, 10_000))
    print("state", state)
    try:
        call("Messages1", "Send", "saya{sv}", ("nobody", b"", {}))
    except DBusErrorResponse as error:
        print("refused", error.name)
    own = connection.send_and_get_reply(Properties(interface("Daemon1")).get("Address"), timeout=20)
    print("own", own.body[0][1])
    connection.close()


main(*sys.argv[1:])
