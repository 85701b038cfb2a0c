"""How many people are registered, without reading their registrations."""

from __future__ import annotations

from collections import Counter

from chalicelib.registration.rules import Standing
from chalicelib.registration.store import SHARDS
from tests.builders.registration import other_form, registrations
from tests.conftest import T0


def test_everybody_is_counted_once_in_the_province_they_live_in_now(cloud, programme):
    service = registrations(cloud, programme)

    def counted() -> Counter[int]:
        regions: Counter[int] = Counter()
        for shard in range(SHARDS):
            regions.update(service._store.registered_by_region(shard))
        return regions

    assert counted() == {}
    for n in range(1, 7):
        service.register(f"person-{n}", other_form(n, kk=f"317409120318{n + 1:04d}"), T0)
    service.register("person-1", other_form(1, kk="3174091203180002", province="32", regency="3273"), T0)
    service.set_standing("person-2", Standing.BENEFICIARY, 145)

    assert counted() == {31: 5, 32: 1}
