"""People who lose their phone and sign in again by a second contact that they had added."""

from __future__ import annotations

from chalicelib.clock import parse_iso

from .api import Unexpected
from .crowd import Crowd, Diary
from .device import Device
from .scene import Scene


def add_contacts(scene: Scene) -> None:
    """Let the careful people add a second e-mail address, which signs in after a wait."""

    def add(crowd: Crowd, diary: Diary) -> None:
        entered = {"code": crowd.code_of(diary, diary.person.second_email)}
        added = crowd.call(diary, "POST", "/me/contacts", entered).expect(201).body
        diary.second_from = parse_iso(added["signs_in_from"]) if added["signs_in_from"] else crowd.now()

    careful = scene.crowd.who(lambda diary: diary.registered and diary.person.second_email)
    scene.crowd.each("people add a second contact", careful, add)
    scene.tell(f"accounts: {len(careful)} people added a second address, proved by its code and told to the first one")


def lose_phones(scene: Scene) -> None:
    """Let each of them lose the phone, sign in on another by the second address, and sign the lost one out."""

    def come_back(crowd: Crowd, diary: Diary) -> None:
        lost, refresh_token = diary.device, diary.refresh_token
        before = crowd.read(diary, "/me")
        diary.device = Device()
        crowd.sign_in(diary, diary.person.second_email)
        if crowd.read(diary, "/me") != before:
            raise Unexpected("GET /me shows something else to who came back by the second contact")
        [old] = [one for one in crowd.read(diary, "/me/sessions")["sessions"] if not one["current"]]
        crowd.call(diary, "DELETE", f"/me/sessions/{old['session_id']}").expect(204)
        found = crowd.proved(lost, "POST", "/sessions/refreshes", {"refresh_token": refresh_token})
        found.expect(401, code="session_expired")

    losers = scene.crowd.who(lambda diary: diary.second_from)
    for diary in losers:
        assert diary.second_from is not None  # noqa: S101 - of these only
        scene.clock.wait_until(diary.second_from, "new contacts may sign in")
    scene.crowd.each("people lose their phone", losers, come_back)
    scene.tell(f"accounts: {len(losers)} people lost their phone, came back by the second address, and signed it out")
