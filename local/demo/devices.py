"""People who lose their phone, and come back on another one."""

from __future__ import annotations

from .api import Unexpected
from .crowd import Crowd, Diary
from .device import Device
from .scene import Scene


def lose_phones(scene: Scene) -> None:
    """Let some lose their phone, sign in on another one, and sign the lost one out."""

    def come_back(crowd: Crowd, diary: Diary) -> None:
        lost, refresh_token = diary.device, diary.refresh_token
        before = crowd.read(diary, "/me")
        diary.device = Device()
        crowd.sign_in(diary)
        if crowd.read(diary, "/me") != before:
            raise Unexpected("GET /me shows something else to who came back on another phone")
        [old] = [one for one in crowd.read(diary, "/me/sessions")["sessions"] if not one["current"]]
        crowd.call(diary, "DELETE", f"/me/sessions/{old['session_id']}").expect(204)
        found = crowd.proved(lost, "POST", "/sessions/refreshes", {"refresh_token": refresh_token})
        found.expect(401, code="session_expired")

    losers = scene.crowd.who(lambda diary: diary.registered and diary.person.loses_phone)
    scene.crowd.each("people lose their phone", losers, come_back)
    scene.tell(
        f"accounts: {len(losers)} people lost their phone, came back on another one, and signed the lost one out"
    )
