// Lists the peers and sends a message from Node.
//
// usage: node client.mjs SOCKET RECIPIENT TEXT
//
// Prints one line for each peer (`peer ADDRESS`), one for the message (`sent ID`), and one when
// the daemon says by a signal that the recipient has it (`signal STATE`).

import dbus from "@homebridge/dbus-native";

const [socket, recipient, text] = process.argv.slice(2);
const path = "/org/quicprochat";
const destination = "org.quicprochat.Daemon1";

const bus = dbus.createClient({ socket });

/** Calls a method and resolves to its first result. */
const call = (about, member, signature, body) =>
  new Promise((resolve, reject) => {
    const message = { destination, path, interface: `org.quicprochat.${about}`, member };
    if (signature) Object.assign(message, { signature, body });
    bus.invoke(message, (error, result) => (error ? reject(error) : resolve(result)));
  });

/** A dictionary a{sv}, which arrives as [[key, [signature, [value]]], …]. */
const dictionary = (entries) =>
  Object.fromEntries(entries.map(([key, [, [value]]]) => [key, value]));

const received = new Promise((resolve) => {
  bus.connection.on("message", (message) => {
    if (message.interface === "org.quicprochat.Messages1" && message.member === "StateChanged") {
      const [id, state] = message.body;
      if (state === "received") resolve({ id, state });
    }
  });
});

try {
  await new Promise((resolve, reject) => {
    bus.addMatch("type='signal',interface='org.quicprochat.Messages1'", (error) =>
      error ? reject(error) : resolve(),
    );
  });
  for (const peer of await call("Peers1", "List")) console.log("peer", dictionary(peer).address);
  const priority = ["priority", ["s", "high"]];
  const id = await call("Messages1", "Send", "saya{sv}", [recipient, Buffer.from(text), [priority]]);
  console.log("sent", id);
  const seen = await received;
  console.log("signal", seen.id === id ? seen.state : `of another message, ${seen.id}`);
  process.exit(0);
} catch (error) {
  console.error("failed:", error);
  process.exit(1);
}
