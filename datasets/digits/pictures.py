#!/usr/bin/env python3
"""pictures.py DATA.h5 FOLDER: writes the grey images of a data set as FOLDER/CLASS/NUMBER.png."""
import os, struct, sys, zlib

import h5py


def png(path, pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows, columns = pixels.shape
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


with h5py.File(sys.argv[1]) as f:
    for i, (x, y) in enumerate(zip(f["train/x"][:], f["train/y"][:])):
        folder = os.path.join(sys.argv[2], str(y))
        os.makedirs(folder, exist_ok=True)
        png(os.path.join(folder, f"{i}.png"), x.reshape(x.shape[-2:]))
