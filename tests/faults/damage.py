"""Ways to damage bytes, as disks, cables and interrupted copies do."""

# A block of a disk; smaller files lose a quarter.
BLOCK = 512


def flipped(data, rng):
    """Returns the bytes with one bit changed."""
    place, bit = rng.randrange(len(data)), rng.randrange(8)
    changed = bytearray(data)
    changed[place] ^= 1 << bit
    return bytes(changed)


def cut(data, rng):
    """Returns the beginning of the bytes, of any length below the whole."""
    return data[: rng.randrange(len(data))]


def zeroed(data, rng):
    """Returns the bytes with a block of zeros; other bytes are there before it than after."""
    size = min(BLOCK, max(1, len(data) // 4))
    for _ in range(20):
        start = rng.randrange(max(1, len(data) - size))
        changed = data[:start] + bytes(size) + data[start + size :]
        if changed != data:
            return changed
    return data[:-1] + bytes([data[-1] ^ 255])


WAYS = {"flip": flipped, "cut": cut, "zeros": zeroed}
