"""People register, join a wave and look at its result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..api import Answer, Unexpected, made_once
from ..forged_tokens import spoiled
from ..people import Part, Person, Way
from .crowd import Crowd, Diary


def in_two(crowd: Crowd) -> tuple[list[Diary], list[Diary]]:
    """Two halves of those who are welcome; whoever comes too early to join is in the first."""
    welcome = [d for d in crowd.diaries if d.person.refusal is None]
    welcome.sort(key=lambda diary: diary.person.part is not Part.EARLY)
    half = len(welcome) // 2
    return welcome[:half], welcome[half:]


def register(crowd: Crowd, step: str, diaries: Sequence[Diary]) -> None:

    def act(diary: Diary) -> None:
        person = diary.person
        _open_account(crowd, person)
        crowd.sign_in(diary)
        crowd.call(diary, "PUT", "/me/registration", person.form).expect(201)
        diary.registered = True
        if person.part is Part.DOUBLE_CLICKS:
            crowd.call(diary, "PUT", "/me/registration", person.form).expect(200)
        if not person.forgets_address:
            set_address(crowd, diary)

    crowd.each(step, diaries, act)


def be_refused(crowd: Crowd) -> None:
    """Let those try to register who must be refused; the people whom some of them copy have registered before."""

    def act(diary: Diary) -> None:
        person, refusal = diary.person, diary.person.refusal
        assert refusal is not None  # noqa: S101 - only these are asked to
        if refusal.way is Way.UNCONFIRMED:
            _sign_up(crowd, person)
            answer = crowd.api.call("POST", "/sessions", _credentials(person))
        else:
            _open_account(crowd, person)
            crowd.sign_in(diary)
            token = spoiled(refusal.way, diary.token, crowd.api.keys)
            answer = crowd.api.call("PUT", "/me/registration", person.form, token=token)
        answer.expect(refusal.status, code=refusal.code)
        diary.refused = True

    crowd.each("others are refused", [d for d in crowd.diaries if d.person.refusal], act)


def set_address(crowd: Crowd, diary: Diary) -> None:
    """Say where to be paid. Raises `Unexpected`."""
    crowd.call(diary, "PUT", "/me/financial-address", diary.person.address).expect(200)


def join_early(crowd: Crowd) -> None:
    early = [d for d in crowd.registered if d.person.part is Part.EARLY]
    crowd.each("some come too early", early, lambda diary: _be_refused_entry(crowd, diary, "wave_not_open_yet"))


def join(crowd: Crowd) -> None:
    """Join with one click; some click twice or from two devices; whoever is not registered is refused."""

    def act(diary: Diary) -> None:
        if diary.person.part is Part.TWO_DEVICES:
            first, second = crowd.at_once(lambda: _click(crowd, diary), 2)
            if not made_once([first, second]):
                raise Unexpected(f"two devices at once were answered {first.status} and {second.status}")
            diary.receipt = first.body
            _same(diary.receipt, second)
            return
        diary.receipt = _click(crowd, diary).expect(201).body
        if diary.person.part is Part.DOUBLE_CLICKS:
            _same(diary.receipt, _click(crowd, diary).expect(200))

    crowd.each("people join", [d for d in crowd.registered if d.person.joins], act)
    strangers = [d for d in crowd.diaries if d.token and not d.registered]
    crowd.each("strangers are refused", strangers, lambda diary: _be_refused_entry(crowd, diary, "not_registered"))


def join_late(crowd: Crowd) -> None:
    """Some click after the close; those who had joined are shown the same receipt again."""
    late = [d for d in crowd.registered if d.person.part is Part.LATE]
    crowd.each("some come too late", late, lambda diary: _be_refused_entry(crowd, diary, "wave_closed"))
    again = [d for d in crowd.diaries if d.receipt and d.person.part in {Part.DOUBLE_CLICKS, Part.EARLY}]
    crowd.each("some ask for their receipt again", again, lambda d: _same(d.receipt, _click(crowd, d).expect(200)))


def read_standings(crowd: Crowd, wave: int, step: str = "people look at the result") -> None:

    def read(diary: Diary) -> None:
        entries = crowd.call(diary, "GET", "/me/entries").expect(200).body["entries"]
        found = [entry for entry in entries if entry["wave"] == wave]
        if len(found) != (1 if diary.receipt else 0):
            raise Unexpected(f"GET /me/entries shows {len(found)} entries in the wave")
        diary.entry = found[0] if found else None

    crowd.each(step, crowd.registered, read)


def read_wave(crowd: Crowd, number: int) -> dict[str, Any]:
    """Return the wave as the public sees it. Raises `Unexpected`."""
    found: dict[str, Any] = crowd.api.call("GET", f"/waves/{number}").expect(200).body
    return found


def _sign_up(crowd: Crowd, person: Person) -> None:
    answer = crowd.api.call("POST", "/accounts", {**_credentials(person), "language": "id"})
    if not (answer.again and answer.status == 409):  # else the first try had made it
        answer.expect(201)


def _open_account(crowd: Crowd, person: Person) -> None:
    _sign_up(crowd, person)
    # The local pool sends no mail and takes any code.
    answer = crowd.api.call("POST", "/accounts/confirmations", {"email": person.email, "code": "123456"})
    if not answer.again:  # else it may be confirmed already; who is not cannot sign in
        answer.expect(204)


def _click(crowd: Crowd, diary: Diary) -> Answer:
    return crowd.call(diary, "POST", "/waves/current/entries")


def _be_refused_entry(crowd: Crowd, diary: Diary, code: str) -> None:
    _click(crowd, diary).expect(409, code=code)


def _credentials(person: Person) -> dict[str, str]:
    return {"email": person.email, "password": person.password}


def _same(receipt: dict[str, Any] | None, answer: Answer) -> None:
    if answer.body != receipt:
        raise Unexpected(f"{answer.request} gave another receipt")
