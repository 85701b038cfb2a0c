"""The third act: identity and rights, by people of their own in a wave of their own.

Somebody registers another's NIK, somebody mistypes a family card, somebody is invented, and somebody wants to be
forgotten. What takes days on a real stage is moved up in its tables (`administrator.end_waits`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.clock import parse_iso

from ..sandbox import registry
from . import wave
from .checks import account, moved_idr
from .crowd import Diary
from .device import Device
from .people import Person
from .scene import Scene

PEOPLE = 5
"""Owner, squatter, mistaken, invented and leaving: who plays which part, in this order."""

ASKED, CALLED = "bertanya tentang hasil gelombang", "menelepon meja bantuan"
"""Reasons of the administrator's looks, which the person reads."""

_REGISTRATION, _STOPS_AFTER_S = "/me/registration", 600.0


def cast(people: Sequence[Person]) -> list[Person]:
    """The people with their parts: the squatter types the owner's NIK, the mistaken the card of the one who leaves."""
    owner, squatter, mistaken, invented, leaving = people
    return [
        owner,
        replace(squatter, form={**squatter.form, "nik": owner.form["nik"]}),
        replace(mistaken, form={**mistaken.form, "kk": leaving.form["kk"]}),
        invented,
        leaving,
    ]


def known(people: Sequence[Person]) -> list[registry.Person]:
    """The people whom the civil registry knows, as it does; of people with one NIK it is the first."""
    found = {one.form["nik"]: one.form for one in reversed(people) if one.refusal is None}
    fields = ("nik", "name", "birth_date", "kk", "province")
    return [registry.Person(**{field: form[field] for field in fields}) for form in found.values()]


def play(scene: Scene, people: Sequence[Person]) -> None:
    """Play the act after the others. `people` has those of the act before they got their parts.

    Disagreements are added to the crowd's `differences`. Raises any error that stops the act.
    """
    act = _Act(scene, *scene.crowd.diaries)
    act.register()
    act.correct(people[2].form["kk"])
    act.join()
    act.come_back()
    act.export()
    act.draw()
    act.call()
    act.erase()


@dataclass
class _Act:
    """Each step is called once, in their order."""

    scene: Scene
    owner: Diary
    squatter: Diary
    mistaken: Diary
    invented: Diary
    leaving: Diary
    number: int = field(default=0, init=False)

    def register(self) -> None:
        crowd, others = self.scene.crowd, [self.squatter, self.mistaken, self.invented, self.leaving]
        opens_at = self.scene.clock.now().replace(microsecond=0) + wave.FAR
        self.number = self.scene.admin.add_wave(opens_at, opens_at + wave.FAR, PEOPLE)
        self.scene.tell(f"third act: the administrator adds wave {self.number}; its people have a right to their data")
        crowd.each("some register, one of them with another's NIK", others, wave.register)
        crowd.sign_in(self.owner)
        form = self.owner.person.form
        crowd.call(self.owner, "PUT", _REGISTRATION, form).expect(409, code="nik_already_registered")
        crowd.call(self.owner, "PUT", _REGISTRATION, {**form, "claim_nik": True}).expect(201, 200)
        self.owner.registered = True
        # The answer is in the registration before it leaves the list of those that wait.
        self._until("registrations wait for the civil registry", self.scene.admin.unanswered)
        for diary in (self.squatter, self.mistaken, self.invented):
            self._check(
                self._said(diary)[0] == "DIFFERS", "who is not as in the civil registry is told so, not in what"
            )

    def correct(self, kk: str) -> None:
        self.scene.crowd.call(self.mistaken, "PATCH", _REGISTRATION, {"kk": kk}).expect(200)
        self._until("corrections wait for the civil registry", self.scene.admin.unanswered)
        right = self._said(self.mistaken)[0] == "VERIFIED" and self._said(self.leaving)[0] == "VERIFIED"
        self._tell(right, "a mistyped family card was put right by its person, and the civil registry confirms it")

    def join(self) -> None:
        opens_at = wave.move_up(self.scene, self.number)
        self.scene.clock.wait_until(opens_at, "the wave of the third act opens")
        self.scene.admin.fire("advance")
        self.scene.crowd.each("some join", [self.squatter, self.mistaken, self.invented], wave.join)

    def come_back(self) -> None:
        """Let the NIK pass to its owner, a day after the civil registry confirmed them."""

        def left() -> int:
            self.scene.admin.fire("sweep_registry")
            self.scene.admin.end_waits()
            return int(self._said(self.owner)[1] != "yes")

        self._until("NIK is to come back", left)
        entries = self.scene.crowd.read(self.owner, "/me/entries")["entries"]
        joined = [one for one in entries if one["wave"] == self.number]
        for entry in joined:
            self.owner.receipt = entry["receipt"]
        right = self._said(self.owner) == ("VERIFIED", "yes") and self._said(self.squatter)[1] == "claimed"
        self._tell(right and bool(joined), "a squatted NIK came back to its owner, who is in the wave without a click")

    def export(self) -> None:
        """Let a person read all that is kept about them; a young session must wait for what is sealed."""
        opened_from = self.scene.crowd.read(self.leaving, "/me/data")["opened_from"]
        if opened_from:
            self.scene.clock.wait_until(parse_iso(opened_from), "a new session may open what is sealed")
        records = self._data(self.leaving)
        text, form = json.dumps(records, ensure_ascii=False), self.leaving.person.form
        right = form["nik"] in text and form["name"] in text and self.leaving.person.email in text
        right = right and all(one["source"] and one["purpose"]["id"] and one["law"] for one in records)
        self._tell(right, f"a person read all {len(records)} rows kept about them, each with source, purpose and law")

    def draw(self) -> None:
        crowd, admin, squatter = self.scene.crowd, self.scene.admin, self.squatter
        crowd.set_address(self.invented)
        crowd.set_address(squatter)
        # Only who was told a week before the freeze is removed, so that there is time to correct it.
        admin.tell_earlier(self.invented.person.form["nik"])
        closes_at = admin.close_wave(self.number)
        note = wave.freeze(self.scene, self.number, closes_at)
        wave.draw_seats(self.scene, self.number, note)
        crowd.read_standings("they look at the result", self.number)
        self._check(self.owner.chosen and self.mistaken.chosen, "whom the civil registry confirms is chosen")
        course = crowd.api.call("GET", "/courses?limit=1").expect(200).body["courses"][0]["course_id"]
        moved = moved_idr(admin.books())
        for diary, said in (
            (self.invented, "an invented person got no place, could buy nothing and was paid nothing"),
            (squatter, "the squatter, too, got no place, could buy nothing and was paid nothing"),
        ):
            crowd.must_refuse(diary, "/me/trainings", {"course_id": course}, "not_beneficiary")
            right = (diary.standing, (diary.entry or {}).get("reason")) == ("not_chosen", "not_confirmed")
            right = right and not crowd.read(diary, "/me/payouts")["payouts"]
            self._tell(right and not moved[account(diary, self.scene.programme.payouts.kinds)], said)

    def call(self) -> None:
        """Let the invented person call, and read afterwards who looked at their data."""
        admin, caller = self.scene.admin, self.invented
        [found] = admin.find_person(caller.person.email, CALLED)
        shown = admin.show_person(found["registrant"], ASKED)
        wave_shown = [one for one in shown["waves"] if one["wave"] == self.number]
        right = shown["verification"] == "UNKNOWN_NIK" and [one["reason"] for one in wave_shown] == ["not_confirmed"]
        right = right and caller.person.form["nik"] not in json.dumps(shown)
        self._tell(right, "the helpdesk told a caller why they were not chosen (person show), without seeing the NIK")
        readers = self.scene.crowd.read(caller, "/me/readers")["readers"]
        looks = {(one["act"], one["reason"]) for one in readers if one["reader"] == "administrator"}
        right = looks == {("person find", CALLED), ("person show", ASKED)}
        self._tell(right, "the caller reads who looked at their data, and why")

    def erase(self) -> None:
        """Let a person delete their account. Afterwards nobody finds them, and their NIK is free."""
        crowd, admin, leaving = self.scene.crowd, self.scene.admin, self.leaving
        keys = (leaving.person.form["nik"], leaving.person.email)
        self._check(all(admin.find_person(key, CALLED) for key in keys), "a person is found before they are erased")
        change = crowd.call(leaving, "DELETE", "/me").expect(202).body
        self.scene.clock.wait_until(parse_iso(change["takes_effect_at"]), "the deletion may still be taken back")

        def left() -> int:
            admin.fire("erase_people")
            return admin.end_waits()

        self._until("erasures are not done", left)
        gone = not any(admin.find_person(key, CALLED) for key in keys)
        leaving.device = Device()
        crowd.sign_in(leaving)  # a new account
        nobody = crowd.read(leaving, "/me")["registration"] is None
        free = crowd.call(leaving, "PUT", _REGISTRATION, leaving.person.form).status == 201
        self._tell(gone and nobody and free, "a person was erased: nobody finds them, and their NIK may register anew")

    def _said(self, diary: Diary) -> tuple[str, str]:
        """What `GET /me` says of the registration: verification, and whether the NIK is held."""
        shown = self.scene.crowd.read(diary, "/me")["registration"]
        return shown["verification"], shown["nik_held"]

    def _data(self, diary: Diary) -> list[Mapping[str, Any]]:
        records, cursor = [], ""
        while True:
            page = self.scene.crowd.read(diary, f"/me/data?limit=50{cursor}")
            records += page["records"]
            if page["next_cursor"] is None:
                return records
            cursor = f"&cursor={page['next_cursor']}"

    def _until(self, awaited: str, left: Callable[[], int]) -> None:
        patience = self.scene.patience(awaited, _STOPS_AFTER_S)
        while count := left():
            if not patience.goes_on(count):
                raise TimeoutError(f"{count} {awaited}, and nothing moves")

    def _check(self, right: bool, said: str) -> None:
        if not right:
            self.scene.crowd.differences.append(f"third act: it is not so that {said}")

    def _tell(self, right: bool, said: str) -> None:
        self._check(right, said)
        if right:
            self.scene.tell(f"third act: {said}")
