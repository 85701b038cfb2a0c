"""Wrong figures are refused when they are loaded: each with the file, the line, and what would be right."""

from __future__ import annotations

import re
import shutil

import pytest

from chalicelib import config, tables
from chalicelib.config import FOLDER, BadConfiguration, load_programme
from tests.builders.figures import changed

LIST = """waves = [
    { number = 54, opens_at = 2024-02-23T05:00:00Z, closes_at = 2024-02-26T17:00:00Z, quota = 600_000 },
    { number = 55, opens_at = 2024-03-08T05:00:00Z, closes_at = 2024-03-11T17:00:00Z, quota = 500_000 },
]"""
REGULAR = """first_opens_at = 2023-06-02T05:00:00Z      # F  Friday 12:00 WIB
every_days = 14                            # F
open_hours = 84                            # F  until Tuesday 00:00 WIB, exclusive"""
PAUSE = "pauses = [{ from = 2025-01-01T00:00:00Z, until = 2024-01-01T00:00:00Z, why_id = 'a', why_en = 'b' }]"
ISSUER = """[[accounts.issuers]]
name = "national-id"
issuer = "https://id.example"
audience = "gelombang"
algorithms = ["ES256"]
jwks_url = "https://id.example/jwks"
presence = { nik_claim = "nik", acr = ["high"], page = { title = "IKD", authorize_url = "AT", token_url = "BY" } }
"""
SURVEYS = (FOLDER / "programmes/prakerja-2023.toml").read_text().partition("[surveys]\n")[2]


# What is written instead of what, what is said of it, and at which text if that is not the new one.
WRONG = [
    ("age_min = 18", 'age_min = "18"', 'eligibility.age_min is "18", and a whole number is expected'),
    ("age_min = 18", "age_min = 18.5", "eligibility.age_min is 18.5, and a whole number is expected"),
    ("age_min = 18", "age_min = 70", "eligibility.age_min is 70, above age_max, 64: the lowest age comes first"),
    ("age_min = 18", "age_min = 15", "eligibility.age_min is 15, and nobody below 17 has a KTP"),
    ("age_max = 64", "age_max = 640", "eligibility.age_max is 640: say at most 120"),
    ("age_max = 64", "age_maxx = 64", "eligibility.age_maxx is not known: did you mean `age_max`?"),
    (
        "age_max = 64 ",
        'education = ["phd"] #\nage_max = 64 ',
        "eligibility.education has what nobody can register with: there are none, elementary, junior_high,",
    ),
    (
        "age_max = 64 ",
        "once = { days = 139 } #\nage_max = 64 ",
        "eligibility.once is 139 days, and scheme 2020 may pay for 139: say more than that",
    ),
    (
        "age_max = 64 ",
        "once = 730 #\nage_max = 64 ",
        "eligibility.once is 730, and a text in quotes or a table is expected",
    ),
    (
        "age_max = 64 ",
        'once = "twice" #\nage_max = 64 ',
        """eligibility.once is "twice": Invalid enum value 'twice': there are lifetime, scheme""",
    ),
    (
        "age_max = 64 ",
        "once = { days = 40_000 } #\nage_max = 64 ",
        "eligibility.once.days is 40000, and a whole number <= 36500 is expected",
    ),
    ("[eligibility]", "[eligibilty]", "eligibilty is not known: did you mean `eligibility`?"),
    ("age_max = 64 ", "#", "eligibility has no `age_max`, which is needed", "[eligibility]"),
    (
        "T05:00:00Z      # F  Fri",
        "T05:00:00      # F  Fri",
        "calendar.first_opens_at is 2023-06-02 05:00:00, without its",
    ),
    ("open_hours = 84", "open_hours = 400", "calendar.open_hours is 400, so that waves overlap: at most 336 hours"),
    (
        "open_hours = 84",
        "# ",
        "calendar says when the first wave opens, and needs every_days and open_hours",
        "[calendar]",
    ),
    (REGULAR, "", "calendar has no waves: say first_opens_at, every_days and open_hours, or a list", "[calendar]"),
    (
        REGULAR,
        f"every_days = 3\n{LIST}",
        "calendar.waves is a list, so leave out every_days and open_hours",
        "waves = [",
    ),
    (
        REGULAR,
        LIST.replace("03-08", "02-26"),
        "calendar.waves[1] is wave 55, which overlaps: it opens 2024-02-26T05:00:00Z, "
        "while wave 54 is open until 2024-02-26T17:00:00Z",
        "{ number = 55",
    ),
    (REGULAR, LIST.replace("number = 55", "number = 54"), "is wave 54 after wave 54: numbers ascend", "03-08T05"),
    (
        REGULAR,
        LIST.replace("number = 54", "number = 53"),
        "calendar.first_wave is 54, and the list begins with 53",
        "first_wave",
    ),
    (REGULAR, LIST.replace("03-11", "03-07"), "which closes at 2024-03-07T17:00:00Z, before it opens", "{ number = 55"),
    (REGULAR, f"{LIST}\nends_on = 2024-03-01", "wave 55, which opens after ends_on, 2024-03-01", "{ number = 55"),
    (REGULAR, f"{REGULAR}\n{PAUSE}", "pauses[0] ends 2024-01-01T00:00:00Z, before it begins", "pauses ="),
    (
        REGULAR,
        LIST.replace("2024", "2031"),
        "targets.default is 1000000, and the quotas of the waves of 2031 add up to 1100000: say at least that",
        "default = 1_000_000",
    ),
    ("every_days = 14 ", "every_days = 1_000_000_000_000 ", "calendar.every_days is 1000000000000, and a whole number"),
    (REGULAR, f"{REGULAR}\nends_on = 9999-12-31", "calendar.ends_on says 9999-12-31: say a year from", "ends_on"),
    (
        REGULAR,
        LIST.replace("2024-03-11T17:00:00Z", "9999-12-31T23:00:00-07:00"),
        "calendar.waves[1] says 9999-12-31: say a year from 2000 to 9000",
        "{ number = 55",
    ),
    ("2023 = 1_000_000", "2019 = 5", "targets.2019 is 5, which no wave can give: no wave opens in 2019"),
    ("2023 = 1_000_000", "MMXX = 5", "targets.MMXX is no year"),
    ("default = 1_000_000", "2024 = 5", "targets has no `default`", "[targets]"),
    (
        "training_idr = 3_500_000",
        "training_idr = 0",
        "schemes[1].payments waits for the review of a training, and training_idr is 0",
        'payments = [\n    { kind = "INCENTIVE", trigger = "review", amount_idr = 600_000, times = 1 }',
    ),
    ("times = 1 }", "times = 13 }", "INCENTIVE is paid 12 times at most"),
    (
        "buy_within_days = 15 ",
        "#",
        "schemes[0] pays people who take a training, and [training] does not say buy_within_days: say it",
        "[[schemes]]",
    ),
    (
        "[2_592_000, 7_776_000, 15_552_000]",
        "[2_592_000, 7_776_000, 32_400_000]",
        "schemes[0].payments may still pay 420 days after an award, and a wave is counted for 400 days",
        'payments = [\n    { kind = "INCENTIVE", trigger = "review", amount_idr = 600_000, times = 4',
    ),
    (
        "[2_592_000, 7_776_000, 15_552_000]",
        "[2_592_000, 7_776_000]",
        "schemes[0].payments pays 3 surveys, more surveys than surveys.after_s says when they open: 2",
        'payments = [\n    { kind = "INCENTIVE", trigger = "review", amount_idr = 600_000, times = 4',
    ),
    (
        "after_s = [2_592_000, ",
        "after_s = [20_592_000, ",
        "surveys.after_s is (20592000, 7776000, 15552000), not in order of time",
    ),
    (
        SURVEYS,
        "",
        "schemes[1].payments pays surveys, and nobody is asked: add [surveys]",
        'payments = [\n    { kind = "INCENTIVE", trigger = "review", amount_idr = 600_000, times = 1 }',
    ),
    ("open_s = 2_592_000 ", "# ", "surveys does not say open_s: say it, or leave the section out", "[surveys]"),
    ('version = "2023"', 'version = "2020"', "schemes has two with one version", "[[schemes]]"),
    (
        'version = "2023"\nfirst_wave = 54',
        'version = "2023"\nfirst_wave = 1',
        "schemes has two with one first_wave",
        "[[schemes]]",
    ),
    (
        "remind_before_s = 259_200",
        "remind_before_s = 2_592_000",
        "surveys.remind_before_s is 2592000, and a survey is open",
    ),
    (
        'rail = "xendit-v2", bic = "BNINIDJA"',
        'rail = "nobody"',
        "payouts.codes has an entry that is refused, in its `rail`: Invalid enum value 'nobody'",
        "[payouts.codes]",
    ),
    (
        '{ kind = "bank", rail = "xendit-v2", bic = "BNINIDJA" }',
        '{ kind = "bank" }',
        "payouts.codes has an entry that is refused: Object missing required field `rail`",
        "[payouts.codes]",
    ),
    ("freeze_delay_s = 900", "freeze_delay_s = 15", "draw.freeze_delay_s is 15, and the longest request lasts 15 s"),
    ('chain = "quicknet"', 'chain = "nothing"', "draw.chain is nothing, which is none of [draw.chains]"),
    ("code_tries = 5 ", "code_tries = 11 ", "accounts.code_tries is 11, and a whole number <= 10 is expected"),
    ("sign_in_lifetime_s = 3_600", "sign_in_lifetime_s = 700", "is 700 and ends before its last code does"),
    ("access_token_s = 300", "access_token_s = 900", "accounts.access_token_s"),
    ("codes_per_hour = 5 ", "codes_per_hour = 21 ", "accounts.codes_per_hour is 21, above codes_per_day, 20"),
    (
        "price_idr = 600 ",
        "price_idr = 60_000_000 ",
        "accounts.sms.price_idr is 60000000, above accounts.sms.day_stop_idr",
    ),
    *(
        (
            "[notices]",
            ISSUER.replace("AT", at).replace("BY", by) + "[notices]",
            f'accounts.issuers[0].presence.page.{which} is "{wrong}", and a text in quotes matching regex \'^https://',
            "presence = {",
        )
        for at, by, which, wrong in (
            ("http://id.example/in", "https://id.example/", "authorize_url", "http://id.example/in"),
            ("https://id.example/", "https://id.example;x/", "token_url", "https://id.example;x/"),
            ("https://id.example/", "https://id.example", "token_url", "https://id.example"),
        )
    ),
    (
        "[name]",
        "[jobs]\nopen_days_max = 9\n[name]",
        "jobs.open_days_max is said by service.toml for every programme",
        "open_days_max",
    ),
    ("[name]", "skills = []\n[name]", "skills is said by service.toml for every programme: leave it out", "skills ="),
]


@pytest.mark.parametrize("case", WRONG, ids=[case[2][:40] for case in WRONG])
def test_a_wrong_figure_is_refused_with_its_line_and_what_would_be_right(tmp_path, case):
    old, new, wrong, *at = case
    folder = changed(tmp_path, old, new)
    with pytest.raises(BadConfiguration) as refused:
        load_programme("prod", folder=folder)
    [said] = [line for line in refused.value.facts["reason"].splitlines() if wrong in line]
    file, line = re.match(r"([\w.-]+) line (\d+): ", said).groups()
    text = next(path for path in folder.rglob(file)).read_text()
    assert int(line) == text[: text.index(at[0] if at else new.split("\n")[0])].count("\n") + 1


def test_all_that_contradicts_is_said_at_once(tmp_path):
    folder = changed(tmp_path, "age_min = 18", "age_min = 70")
    file = folder / "programmes/prakerja-2023.toml"
    file.write_text(file.read_text().replace("open_hours = 84", "open_hours = 400"))
    with pytest.raises(BadConfiguration) as refused:
        load_programme("prod", folder=folder)
    assert len(refused.value.facts["reason"].splitlines()) == 2


def test_what_a_stage_changes_is_found_where_the_stage_says_it(tmp_path):
    folder = changed(tmp_path, "freeze_delay_s = 16", "freeze_delay_s = 3")
    with pytest.raises(BadConfiguration) as refused:
        load_programme("local", folder=folder)
    text = (folder / "service.toml").read_text()
    line = text[: text.index("freeze_delay_s = 3")].count("\n") + 1
    assert f"service.toml line {line}: draw.freeze_delay_s is 3" in str(refused.value)


def test_what_is_no_toml_is_refused_with_the_line(tmp_path):
    with pytest.raises(BadConfiguration, match=r"prakerja-2023.toml: .*line \d+"):
        load_programme("prod", folder=changed(tmp_path, "age_min = 18", "age_min = "))


def test_a_programme_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(BadConfiguration, match=r"no programme prakerja-1999; there are .*prakerja-2023"):
        load_programme("prod", "prakerja-1999")


def test_a_package_is_not_checked_again(tmp_path, monkeypatch):
    """A deployment has checked it; a cold start would load the checks and the calendar for nothing."""
    folder = changed(tmp_path, "age_min = 18", "age_min = 70")
    (folder / "programmes").rename(tmp_path / "wrong")
    shutil.copytree(tmp_path / "wrong", folder / "programmes")
    monkeypatch.setattr(tables, "is_packed", lambda file: file.name == "service.toml")
    monkeypatch.setattr(config.tables, "read", real_read)
    assert load_programme("prod", folder=folder).eligibility.age_min == 70


def real_read(file):
    import tomllib

    return tomllib.loads(file.read_text())


@pytest.mark.parametrize("name", config.programmes())
@pytest.mark.parametrize("stage", ["prod", "local"])
def test_every_programme_loads_in_every_stage(stage, name):
    assert load_programme(stage, name).schemes


FIGURE = re.compile(r"(?<![\w.-])(\d[\d_.:TZ-]*|true|false)(?![\w.-]*\s*=)")
SOURCE = re.compile(r"#.*\b[FD]\b")


@pytest.mark.parametrize("name", config.programmes())
def test_every_figure_says_whether_it_is_a_fact_or_a_decision(name):
    """On its line, or on that of its table or list."""
    marked, unmarked = False, []
    for number, line in enumerate((config.FOLDER / f"programmes/{name}.toml").read_text().splitlines(), 1):
        said = line.partition("#")[0]
        if re.match(r"\[|\w+ = \[$", line):
            marked = bool(SOURCE.search(line))
        if FIGURE.search(re.sub(r'"[^"]*"', "", said)) and not (marked or SOURCE.search(line)):
            unmarked.append(f"{number}: {line}")
    assert unmarked == []
