"""What the operator is told of mistakes in a folder of exports."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from integrations.application_status.mobility import check
from integrations.application_status.mobility.__main__ import commands
from tests.integrations.application_status.exports import ADA, Exports
from tests.integrations.application_status.test_mobility_ewp import (
    agreement,
    agreements,
    proposal,
)


def test_check_names_file_line_and_field(exports: Exports) -> None:
    exports.table(ADA, "2,mei,accepted,Köln,,,,")
    exports.write("las.xml", agreements(agreement(proposal("x"), email="")))
    exports.write("stray.csv", "a,b\n")
    exports.write("connectors.yaml", "- {name: ewp, url: 'https://c.example.org/', token_file: token, kind: ewp}\n")
    assert [str(problem) for problem in check(exports.folder)] == [
        "las.xml:1: email: missing, and no mobility of this id has one",
        "nominations.csv:3: email: is no e-mail address",
        "stray.yaml:1: file: the file is missing",
        "token:1: file: the file is missing",
    ]


@pytest.mark.parametrize(
    ("connector", "reported"),
    [
        ("{name: ewp, url: 'http://c.example.org/', token_file: token, kind: ewp}", "connectors.yaml:2: 0.url: is no"),
        ("{name: ewp, url: 'https://[', token_file: token, kind: ewp}", "connectors.yaml:2: 0.url: is no"),
        ("{name: a/b, url: 'https://c.example.org/', token_file: token, kind: ewp}", "connectors.yaml:2: 0.name: "),
        ("{name: ewp, url: 'https://c.example.org/', kind: ewp}", "connectors.yaml:2: 0.token_file: Field required"),
    ],
)
def test_check_names_what_is_wrong_with_a_connector(exports: Exports, connector: str, reported: str) -> None:
    exports.write("connectors.yaml", f"# ours\n- {connector}\n")
    assert [str(problem).startswith(reported) for problem in check(exports.folder)] == [True]


def test_the_command_ends_with_status_2_where_there_is_a_problem(exports: Exports) -> None:
    exports.table(ADA)
    fine = CliRunner().invoke(commands, ["check", str(exports.folder)])
    exports.table(ADA, "2,mei,accepted,Köln,,,,")
    wrong = CliRunner().invoke(commands, ["check", str(exports.folder)])
    assert (fine.exit_code, fine.stdout) == (0, "No mistakes.\n")
    assert (wrong.exit_code, wrong.stderr) == (2, "nominations.csv:3: email: is no e-mail address\n")


def test_the_examples_that_ship_have_no_mistakes() -> None:
    assert check(Path("integrations/application_status/mobility/examples")) == []
