"""Without Ray, or without a cluster, `--ray` says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import BadRequest
from ingest.ray_cluster import INSTALL, connected
from ingest.ray_index import slices

WITHOUT = """
import sys
sys.modules["ray"] = None  # as where it is not installed
from ingest.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_where_no_cluster_is_the_way_to_one_is_told() -> None:
    pytest.importorskip("ray")
    with pytest.raises(BadRequest, match="ray start --head"), connected("127.0.0.1:1"):
        pass


def test_a_ray_client_is_refused_with_what_to_do_instead() -> None:
    with pytest.raises(BadRequest, match="--ray auto"), connected("ray://head:10001"):
        pass


def test_without_ray_the_command_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Words.")
    command = [sys.executable, "-c", WITHOUT, str(tmp_path), "--ray", "auto"]
    environment = {**os.environ, "SWITCHBOARD_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.strip()) == (1, INSTALL)
    assert not (tmp_path / "data").exists()


def test_jobs_are_of_about_the_same_work() -> None:
    sizes = [1, 1, 1, 9_000_000, 1, 1, 1, 1]
    assert [len(job) for job in slices(sizes, lambda size: size, 3)] == [3, 1, 3, 1]
    assert [len(job) for job in slices([], lambda size: size)] == []
