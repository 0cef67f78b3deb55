"""Converted models appear whole or not at all."""

import threading
from pathlib import Path

import pytest

from pluralign.core.errors import ModelError
from pluralign.engines import checkpoints


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF of a kind")
    return path


def write(_: Path, folder: Path) -> None:
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")


def test_it_is_done_once(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_write_converted", write)
    folder = checkpoints.convert_gguf(file, tmp_path / "cache")
    monkeypatch.setattr(checkpoints, "_write_converted", lambda *_: pytest.fail("converted again"))
    assert checkpoints.convert_gguf(file, tmp_path / "cache") == folder
    assert (folder / "config.json").is_file()
    file.write_bytes(b"GGUF of another kind")
    monkeypatch.setattr(checkpoints, "_write_converted", write)
    assert checkpoints.convert_gguf(file, tmp_path / "cache") != folder


def test_an_interruption_leaves_nothing_that_looks_done(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path, folder: Path) -> None:
        write(path, folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "_write_converted", interrupted)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.convert_gguf(file, tmp_path / "cache")
    assert not list((tmp_path / "cache" / "models").iterdir())


def test_two_at_once_agree(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    def together(path: Path, folder: Path) -> None:
        write(path, folder)
        both.wait(timeout=10)

    monkeypatch.setattr(checkpoints, "_write_converted", together)
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(checkpoints.convert_gguf(file, tmp_path / "cache")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert found[0] == found[1]
    assert [path.name for path in (tmp_path / "cache" / "models").iterdir()] == [found[0].name]


def test_a_full_disk_is_a_sentence(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path, __: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "_write_converted", full)
    with pytest.raises(ModelError, match=r"cannot convert .* No space left on device"):
        checkpoints.convert_gguf(file, tmp_path / "cache")
    with pytest.raises(ModelError, match="cannot keep converted models"):
        checkpoints.convert_gguf(file, file)
