"""Files whole or not at all, and their sums."""

import hashlib

from tfsynth.files import sha256_of


def test_sha256_of_the_published_example(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(str(path)) == sha256_of(path)


def test_sha256_of_a_file_larger_than_a_part(tmp_path):
    path = tmp_path / "large"
    content = bytes(range(256)) * 4096
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()
