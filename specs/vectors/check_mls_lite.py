#!/usr/bin/env python3
"""Checks mls-lite.json with a second, independent implementation of specs/28-mls-lite.md and
specs/29-lite-group.md. Plain Python: ChaCha20 (RFC 8439) and the verification of Ed25519
(RFC 8032) are written out below. Prints one line per part; stops at the first difference.
"""
import hashlib, hmac, json, pathlib, struct

LIFETIMES = [60, 120, 300, 600, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 172800, 259200,
             604800, 1209600, 2592000]


def sha256(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.digest(key, data, "sha256")


def expand(key, label, length):
    out, last, number = b"", b"", 1
    while len(out) < length:
        last = mac(key, last + label + bytes([number]))
        out, number = out + last, number + 1
    return out[:length]


def digest(domain, *parts):
    label = b"qpc " + domain.encode().ljust(11) + b"1"
    assert len(label) == 16
    return sha256(label + b"".join(len(part).to_bytes(4, "little") + part for part in parts))


def chacha20(key, nonce, data):
    def quarter(s, a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            s[z] ^= s[x]
            s[z] = ((s[z] << turn) | (s[z] >> (32 - turn))) & 0xFFFFFFFF

    out = bytearray()
    for block in range((len(data) + 63) // 64):
        start = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key)
                     + (block,) + struct.unpack("<3I", nonce))
        state = start[:]
        for _ in range(10):
            for column in range(4):
                quarter(state, column, 4 + column, 8 + column, 12 + column)
            for turn in range(4):
                quarter(state, turn, 4 + (turn + 1) % 4, 8 + (turn + 2) % 4, 12 + (turn + 3) % 4)
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(state, start)))
    return bytes(a ^ b for a, b in zip(data, out))


# Ed25519, extended coordinates.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_times(number, point):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = point_add(total, point)
        point, number = point_add(point, point), number >> 1
    return total


def point_of(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    assert (x * x - square) % P == 0, "no point"
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def ed25519_holds(key, message, signature):
    r, s = point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    base = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    left, right = point_times(s, base), point_add(r, point_times(k, point_of(key)))
    return (s < ORDER and (left[0] * right[2] - right[0] * left[2]) % P == 0
            and (left[1] * right[2] - right[1] * left[2]) % P == 0)


def tree_leaf(root, counter):
    """SES-18: 2^20 leaves; every node's key gives those of its two children."""
    key = root
    for height in range(20, 0, -1):
        keys = expand(key, b"qpc session tree", 64)
        key = keys[32:] if counter >> (height - 1) & 1 else keys[:32]
    return key


class ShortKey:
    """MLL-01: encryption with a tag of eight bytes that a preimage opens."""

    def __init__(self, secret, label):
        keys = expand(secret, label, 64)
        self.mac, self.stream = keys[:32], keys[32:]

    def preimage(self, associated, text):
        framed = b"qpc lite seal" + len(associated).to_bytes(4, "little") + associated + text
        return mac(self.mac, framed)[:10]

    def open(self, associated, ciphertext, tag):
        text = chacha20(self.stream, tag + bytes(4), ciphertext)
        preimage = self.preimage(associated, text)
        assert digest("lock", preimage + bytes(6))[:8] == tag, "tag"
        return text, preimage


class Group:
    def __init__(self, label, secret):
        self.label = label
        for name in ("voice", "label", "proof", "checkpoint"):
            setattr(self, name + "_key", expand(secret, name.encode(), 32))

    def leaf(self, sender, lineage, counter):
        name = sender + lineage.to_bytes(8, "little")
        return tree_leaf(mac(self.voice_key, name), counter)

    def voice_label(self, sender, lineage):
        return mac(self.label_key, sender + lineage.to_bytes(8, "little"))[0]

    def transcript(self, sender, lineage, counter, lifetime, sent_at, payload):
        fixed = struct.pack("<BBQHBI", 1, lifetime, lineage, counter, sent_at is not None,
                            sent_at or 0)
        return digest("chan sender", b"lite", self.proof_key, sender, fixed, sha256(payload))

    def open(self, body, sender, lineage):
        form, lifetime, counter = body[5], body[6], int.from_bytes(body[10:12], "little")
        assert body[7:9] == self.label and body[9] == self.voice_label(sender, lineage)
        leaf, associated = self.leaf(sender, lineage, counter), b"\x01" + body[5:12]
        sent_at = None
        if form == 2:
            text, proof = body[12:-64], body[-64:]
            text = chacha20(expand(leaf, b"qpc lite signed", 32), proof[:12], text)
        else:
            key = ShortKey(leaf, b"qpc lite group")
            text, _ = key.open(associated, body[12:-8], body[-8:])
            if form == 1:
                sent_at, text = int.from_bytes(text[:4], "little"), text[4:]
        transcript = self.transcript(sender, lineage, counter, lifetime, sent_at, text)
        assert form != 2 or ed25519_holds(sender, transcript, proof)
        return counter, lifetime, sent_at, text, transcript

    def open_checkpoint(self, body):
        assert body[5] == 3 and body[7:9] == self.label
        signature = body[-64:]
        text = chacha20(self.checkpoint_key, signature[:12], body[9:-64])
        signed = digest("chan check", b"sign", self.proof_key, b"\x01" + body[5:9], text)
        assert ed25519_holds(text[:32], signed, signature)
        lineage, first = struct.unpack("<QH", text[32:42])
        salt, claims = text[42:50], text[50:]
        return text[:32], lineage, first, salt, [claims[at:at + 8] for at in range(0, len(claims), 8)]


def check_object(vector):
    body, air = bytes.fromhex(vector["body"]), bytes.fromhex(vector["air"])
    assert digest("chan lite", b"\x01", body[5:]).hex() == vector["digest"]
    hops, age, form, lifetime = body[0], int.from_bytes(body[1:5], "little"), body[5], body[6]
    age = -(-age * 256 // (LIFETIMES[lifetime] * 1000))
    expected = bytes([form << 6 | hops, lifetime << 4 | min(age, 15)])
    expected += (bytes([age]) if age >= 15 else b"") + body[7:]
    assert air == expected
    return body


def check_short(vector):
    get = lambda name: bytes.fromhex(vector[name])
    key = ShortKey(get("secret"), get("label"))
    assert key.open(get("associated"), get("ciphertext"), get("tag")) == (get("text"), get("preimage"))


def check_session(vector):
    get = lambda name: bytes.fromhex(vector[name])
    seed = mac(get("context"), get("exported"))
    keys = expand(seed, b"qpc lite there", 64)
    counter = vector["counter"]
    block = mac(keys[32:], b"qpc lite tag" + (counter // 8).to_bytes(4, "little"))
    assert block[3 * (counter % 8):][:3] == get("session_tag")
    leaf = tree_leaf(keys[:32], counter)
    assert leaf == get("leaf")
    opened = ShortKey(leaf, b"qpc lite message").open(get("associated"), get("ciphertext"), get("tag"))
    assert opened == (get("text"), get("preimage"))


def check_group(vector):
    get = lambda name: bytes.fromhex(vector[name])
    body, group = check_object(vector), Group(get("label"), get("secret"))
    if "transcripts" in vector:
        sender, lineage, first, salt, claims = group.open_checkpoint(body)
        assert (sender, lineage, first, salt) == (
            get("sender"), vector["lineage"], vector["first"], get("salt"))
        covered = get("transcripts")
        covered = [covered[at:at + 32] for at in range(0, len(covered), 32)]
        assert claims == [digest("chan check", b"claim", salt, one)[:8] for one in covered]
        return
    opened = group.open(body, get("sender"), vector["lineage"])
    assert opened == (vector["counter"], vector["lifetime"], vector["sent_at"], get("payload"),
                      get("transcript"))


vectors = json.loads((pathlib.Path(__file__).parent / "mls-lite.json").read_text())
for name, check in (("short_tag", check_short), ("session", check_session), ("group", check_group)):
    for vector in vectors[name]:
        check(vector)
    print(f"{name}: {len(vectors[name])} vectors hold")
