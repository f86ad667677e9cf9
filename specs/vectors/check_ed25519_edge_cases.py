#!/usr/bin/env python3
"""Recomputes the verdicts of ed25519-edge-cases.txt with nothing but integers: the equation of ZIP-215,
8·s·B = 8·R + 8·k·A with every encoding of a point taken as it is, and keys of small order refused."""

import hashlib
import pathlib
import sys

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
BASE_Y = 4 * pow(5, P - 2, P) % P


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + k, P - 2, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - k, P - 2, P) % P


def multiply(n, point):
    result = (0, 1)
    while n:
        if n & 1:
            result = add(result, point)
        point, n = add(point, point), n >> 1
    return result


def decode(encoded):
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, (number & (2**255 - 1)) % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return (-x % P if x & 1 != sign else x), y


BASE = decode(BASE_Y.to_bytes(32, "little"))


def holds(key, message, signature):
    a, r = decode(key), decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER or multiply(8, a) == (0, 1):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    return multiply(8 * s, BASE) == add(multiply(8, r), multiply(8 * k, a))


def main():
    wrong = 0
    file = pathlib.Path(__file__).with_name("ed25519-edge-cases.txt")
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    for line in lines:
        verdict, key, message, signature, name = line.split("\t")
        if holds(*map(bytes.fromhex, (key, message, signature))) != (verdict == "holds"):
            print(f"{name}: {verdict} is wrong")
            wrong += 1
    print(f"{len(lines)} cases, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
