#!/usr/bin/env python3
"""Checks link-noise.json with a second, independent implementation of specs/09-links.md.

Needs the package `cryptography` with ML-KEM. Every message is opened with the secrets in the file:
public keys, ciphertexts, certificates, the keys of the records. Prints one line per case.
"""
import hashlib, hmac, json, pathlib, sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

sha256 = lambda data: hashlib.sha256(data).digest()


def hkdf(chaining_key, material, count):
    temp, out, last = hmac.digest(chaining_key, material, "sha256"), [], b""
    for number in range(1, count + 1):
        last = hmac.digest(temp, last + bytes([number]), "sha256")
        out.append(last)
    return out


def nonce(counter):
    return bytes(4) + counter.to_bytes(8, "little")


class Symmetric:
    """Noise's SymmetricState, on the reading side."""

    def __init__(self, name, prologue):
        self.h = name.ljust(32, b"\0") if len(name) <= 32 else sha256(name)
        self.ck, self.key, self.counter = self.h, None, 0
        self.mix_hash(prologue)

    def mix_hash(self, data):
        self.h = sha256(self.h + data)

    def mix_key(self, material):
        self.ck, self.key = hkdf(self.ck, material, 2)
        self.counter = 0

    def mix_key_and_hash(self, material):
        self.ck, temp, self.key = hkdf(self.ck, material, 3)
        self.mix_hash(temp)
        self.counter = 0

    def open(self, data):
        text = data
        if self.key:
            text = ChaCha20Poly1305(self.key).decrypt(nonce(self.counter), data, self.h)
            self.counter += 1
        self.mix_hash(data)
        return text


class Side:
    """All secrets of one side: the static ones, and those drawn in the order of the file."""

    def __init__(self, fields, is_initiator):
        static, drawn = bytes.fromhex(fields["static"]), bytes.fromhex(fields["drawn"])
        own = drawn[:96] if is_initiator else drawn[32:128]
        self.s, self.s_kem = X25519PrivateKey.from_private_bytes(static[:32]), kem(static[32:])
        self.e, self.e_kem = X25519PrivateKey.from_private_bytes(own[:32]), kem(own[32:])
        self.node = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(fields["node_seed"]))
        self.fields, self.role = fields, 0 if is_initiator else 1


def kem(seed):
    return MLKEM768PrivateKey.from_seed_bytes(seed)


def raw(key):
    return key.public_key().public_bytes_raw()


def dh(secret, public):
    return secret.exchange(X25519PublicKey.from_public_bytes(public))


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        assert self.at <= len(self.data)
        return self.data[self.at - count : self.at]

    def rest(self):
        return self.take(len(self.data) - self.at)


def read_e(state, message, side, has_psk):
    for public in (raw(side.e), raw(side.e_kem)):
        assert message.take(len(public)) == public
        state.mix_hash(public)
        if has_psk:
            state.mix_key(public)


def read_s(state, message, side):
    for public in (raw(side.s), raw(side.s_kem)):
        assert state.open(message.take(len(public) + 16)) == public


def read_skem(state, message, receiver):
    ciphertext = state.open(message.take(1088 + 16))
    state.mix_key_and_hash(receiver.s_kem.decapsulate(ciphertext))


def digest32(label, parts):
    return sha256(label + b"".join(len(part).to_bytes(4, "little") + part for part in parts))


def read_certificate(state, message, side, hash_before):
    text = state.open(message.rest())
    body, signature = text[:50], text[50:]
    fields, key = side.fields, raw(side.node)
    number = lambda name, size: fields[name].to_bytes(size, "little")
    wanted = bytes([1, 0]) + number("mtu", 4) + number("epoch", 8) + number("expires_in_s", 4) + key
    assert body == wanted and len(text) == 114
    parts = [bytes([side.role]), body, raw(side.s), raw(side.s_kem), hash_before]
    side.node.public_key().verify(signature, digest32(b"qpc link cert  1", parts))


def check(case):
    a, b = Side(case["initiator"], True), Side(case["responder"], False)
    psk = bytes.fromhex(case["network_key"])
    state = Symmetric(case["protocol"].encode(), bytes.fromhex(case["prologue"]))
    messages = [Reader(bytes.fromhex(case[f"message_{n}"])) for n in (1, 2, 3, 4)]

    one = messages[0]  # [psk,] e
    assert one.take(1) == b"\x01"
    if psk:
        state.mix_key_and_hash(psk)
    read_e(state, one, a, psk)
    assert state.open(one.rest()) == (b"" if psk else bytes(16))

    two, before = messages[1], state.h  # ekem, e, ee, s, es
    ciphertext = two.take(1088)
    state.mix_hash(ciphertext)
    state.mix_key(a.e_kem.decapsulate(ciphertext))
    read_e(state, two, b, psk)
    state.mix_key(dh(a.e, raw(b.e)))
    read_s(state, two, b)
    state.mix_key(dh(a.e, raw(b.s)))
    read_certificate(state, two, b, before)

    three, before = messages[2], state.h  # skem, s, se
    read_skem(state, three, b)
    read_s(state, three, a)
    state.mix_key(dh(b.e, raw(a.s)))
    read_certificate(state, three, a, before)

    four = messages[3]  # skem
    read_skem(state, four, a)
    assert state.open(four.rest()) == b""

    keys = hkdf(state.ck, b"", 2)
    for key, name, frame in zip(keys, ("record_to_responder", "record_to_initiator"), (b"ping", b"pong")):
        record = bytes.fromhex(case[name])
        assert int.from_bytes(record[:4], "little") == len(record) - 4
        assert ChaCha20Poly1305(key).decrypt(nonce(0), record[4:], record[:4]) == frame
    print("ok", case["protocol"])


if __name__ == "__main__":
    default = pathlib.Path(__file__).with_name("link-noise.json")
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for vector in json.loads(path.read_text())["cases"]:
        check(vector)
