"""Addresses of the hub, and the links of its cache. Nothing is downloaded here."""

import os
import sys
import types

import pytest

import tfsynth
from tests.models import bundles, preset_folders
from tfsynth import models
from tfsynth.__main__ import main
from tfsynth.models import hub, presets


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The preset of a tiny model."""
    path = tmp_path_factory.mktemp("good") / "good"
    bundles.synthesizer().save_to_preset(path)
    return path


@pytest.fixture
def snapshot(good, tmp_path):
    """The same as the hub's cache keeps it."""
    return preset_folders.as_the_hub_keeps_it(good, tmp_path / "hub")


@pytest.mark.parametrize(
    ("uri", "repository", "revision"),
    [
        ("hf://owner/name", "owner/name", None),
        ("hf://o-1/n_2.x", "o-1/n_2.x", None),
        ("hf://owner/name@main", "owner/name", "main"),
        ("hf://owner/name@refs/pr/1", "owner/name", "refs/pr/1"),
        ("hf://owner/name@v1.0-rc", "owner/name", "v1.0-rc"),
        (f"hf://owner/name@{'0a' * 20}", "owner/name", "0a" * 20),
    ],
)
def test_an_address_has_a_repository_and_perhaps_a_revision(uri, repository, revision):
    assert hub.is_uri(uri)
    assert hub.parse_uri(uri) == (repository, revision)


@pytest.mark.parametrize(
    "uri",
    [
        *("hf://", "hf://owner", "hf://owner/", "hf:///name", "hf://owner/name/file"),
        *("hf://owner/name@", "hf://owner/name@a@b", "hf://owner/na me", "hf://-o/name"),
        *("hf://../name", "hf://owner/..", "hf://owner/name@../x", "hf://owner/name@-x"),
        *("hf://ow--ner/name", "hf://owner/name?x=1", "hf://owner/name\n", "hf://" + "a" * 300),
    ],
)
def test_another_address_is_named_with_the_rule(uri):
    with pytest.raises(ValueError, match="is no address of a preset. It is hf://owner/name, or"):
        tfsynth.from_preset(uri)


@pytest.mark.parametrize("name", ["model.keras", "HF://owner/name", "/hf://owner/name"])
def test_a_path_is_no_address(name):
    assert not hub.is_uri(name)


def test_without_the_package_the_sentence_says_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        ModuleNotFoundError, match="hf://owner/name needs the package .* install .tfsynth.hub"
    ):
        tfsynth.from_preset("hf://owner/name")
    monkeypatch.chdir(tmp_path)
    for words in (
        ["synthesize", "--model", "hf://owner/name"],
        ["describe", "hf://owner/name"],
        ["export", "hf://owner/name", "-o", "served"],
        ["evaluate", "hf://owner/name", "--config", "demo", "-o", "scores.json"],
    ):
        assert main(words) == 2
        said = capsys.readouterr().err
        assert said.startswith("tfsynth: error: hf://owner/name needs the package huggingface_hub")
        assert "pip install 'tfsynth[hub]'" in said
    assert not list(tmp_path.iterdir())


def answering(monkeypatch, answer):
    """Puts a program in place of `huggingface_hub` that notes what it is asked."""
    asked = []

    def snapshot_download(repo_id, *, revision=None, allow_patterns=None):
        asked.append((repo_id, revision, allow_patterns))
        return answer()

    program = types.ModuleType("huggingface_hub")
    program.snapshot_download = snapshot_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", program)
    return asked


def test_only_the_files_of_a_preset_are_asked_for(monkeypatch, snapshot):
    asked = answering(monkeypatch, lambda: str(snapshot))
    assert tfsynth.from_preset("hf://owner/name@v1").generator.filters == 4
    assert models.find_model("hf://owner/name") == snapshot
    files = ["config.json", "metadata.json", "model.weights.h5", "sha256.json"]
    files += ["README.md", "preview.png"]
    assert asked == [("owner/name", "v1", files), ("owner/name", None, files)]


def test_a_download_that_fails_is_one_sentence(monkeypatch, capsys):
    def fail():
        raise RuntimeError("404 Client Error.\n\nRepository Not Found for url: https://x")

    answering(monkeypatch, fail)
    said = "hf://owner/name cannot be downloaded: 404 Client Error. See whether the name is right"
    with pytest.raises(ConnectionError, match=said):
        tfsynth.from_preset("hf://owner/name")
    assert main(["describe", "hf://owner/name"]) == 2
    assert capsys.readouterr().err.startswith(f"tfsynth: error: {said}")


@pytest.mark.parametrize("shared", [(), ("model.weights.h5",), presets.FILES[:4]])
def test_the_links_of_the_hubs_cache_are_followed(good, tmp_path, shared):
    snapshot = preset_folders.as_the_hub_keeps_it(good, tmp_path / "hub", shared)
    assert (snapshot / "model.weights.h5").is_symlink()
    assert tfsynth.from_preset(snapshot).generator.filters == 4
    # Also where the whole cache lies behind a link.
    (tmp_path / "elsewhere").symlink_to(tmp_path / "hub")
    again = tmp_path / "elsewhere" / snapshot.relative_to(tmp_path / "hub")
    assert tfsynth.from_preset(again).generator.filters == 4


def refused(path):
    with pytest.raises(ValueError, match="is a link") as caught:
        tfsynth.from_preset(path)
    return str(caught.value)


def test_a_blob_that_was_changed_is_found(snapshot):
    blob = os.path.realpath(snapshot / "model.weights.h5")
    with open(blob, "r+b") as file:
        file.write(b"changed")
    with pytest.raises(ValueError, match="its model.weights.h5 has the SHA-256"):
        tfsynth.from_preset(snapshot)


def test_such_links_lead_to_blobs_only(snapshot, tmp_path):
    link = snapshot / "config.json"
    target = os.readlink(link)
    for other in (
        f"../../{target}",
        f"../../blobs/../blobs/{target[-40:]}",
        str((snapshot / target).resolve()),
        "../../refs/main",
        "../../blobs/config.json",
        "/etc/passwd",
    ):
        link.unlink()
        link.symlink_to(other)
        assert "its config.json is a link, and a preset holds its files" in refused(snapshot)


def test_such_links_are_those_of_a_snapshot(snapshot, good, tmp_path):
    repository = snapshot.parents[1]
    refusing = [repository.rename(repository.with_name("some-folder"))]
    refusing[0] = refusing[0] / "snapshots" / snapshot.name
    assert "is a link" in refused(refusing[0])
    other = preset_folders.as_the_hub_keeps_it(good, tmp_path / "again")
    moved = other.parent.rename(other.parent.with_name("files")) / other.name
    assert "is a link" in refused(moved)


def test_a_blob_is_a_file_or_a_link_to_the_store_of_all(snapshot, tmp_path):
    blob = snapshot.parents[1] / "blobs" / os.path.basename(os.readlink(snapshot / "config.json"))
    data = blob.read_bytes()
    (tmp_path / "away").write_bytes(data)
    blob.unlink()
    for target in (tmp_path / "away", "../../../away", f"../../blobs/ab/{'cd' * 32}"):
        blob.symlink_to(target)
        assert "its config.json is a link" in refused(snapshot)
        blob.unlink()
    # What it leads to is a file itself.
    store = tmp_path / "hub" / "blobs" / "ab"
    store.mkdir()
    (store / f"ab{'cd' * 31}").symlink_to(tmp_path / "away")
    blob.symlink_to(f"../../blobs/ab/ab{'cd' * 31}")
    assert "its config.json is a link" in refused(snapshot)


def test_folders_of_the_cache_are_no_links(snapshot, tmp_path):
    blobs = snapshot.parents[1] / "blobs"
    blobs.rename(tmp_path / "moved")
    blobs.symlink_to(tmp_path / "moved")
    assert "its sha256.json is a link" in refused(snapshot)
