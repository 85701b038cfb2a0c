"""The page itself is kept: it opens without a signal."""

from __future__ import annotations

from tests.e2e.world import World

from .conftest import Open


def test_the_page_opens_without_a_signal_and_says_that_there_is_none(phone: Open, world: World):
    one = phone(service_workers="allow")
    one.open()
    one.state("guest")
    one.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    kept = one.page.evaluate("caches.keys().then(([name]) => caches.open(name)).then((one) => one.keys())"
                             ".then((all) => all.map(({ url }) => new URL(url).pathname))")  # fmt: skip
    build = world.services.pages.build
    assert "/" in kept
    assert f"/assets/{build}/screens/register.js" in kept
    assert [path for path in kept if not path.startswith("/assets/") and path != "/"] == [], "no answer of the API"
    one.page.context.set_offline(True)
    one.page.reload()
    one.state("guest")
    one.page.get_by_text("Tanpa sinyal.").first.wait_for()
