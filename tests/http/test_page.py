"""The page at `/`, in a real browser, on a site without a cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from http_rig import NoDoor, site, views_of
from playwright.sync_api import Browser, Page, expect
from small_world import LONG, NOW_MS, agent, job, share, small_world, task

from raymesos.errors import Conflict, UnknownId
from raymesos.http import live as live_module
from raymesos.http import logs as logs_module
from raymesos.http.app import make_app
from raymesos.http.listening import listen
from raymesos.http.security.keyring import Keyring
from raymesos.http.security.tokens import create_token
from raymesos.http.serving import Serving
from raymesos.http.views import Views
from raymesos.wire.jobs import CancelAnswered
from raymesos.wire.notes import EventNote
from raymesos.wire.operating import DrainAgent, SetQuotas, SetWeights

pytestmark = pytest.mark.slow
# A browser on a busy machine takes its time; how much says nothing of the page.
expect.set_options(timeout=30_000)

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PLACES = ("", "jobs", "tasks", "roles", "agents", "frameworks", "events")
ONES = (f"jobs/{LONG}", "jobs/score", "tasks/F2/crawl-7", "roles/ads", "agents/agent1-id", "jobs/nosuch", "nosuch")


class Cluster(NoDoor):
    """Agents that have logs, and a master that does as it is told."""

    def __init__(self) -> None:
        self.logs: dict[str, bytes] = {}
        self.operated: list[Any] = []
        self.asked: list[Any] = []
        self.refuses: Exception | None = None

    def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.operated.append(message)

    def ask(self, actor: str, message: Any, timeout_s: float = 60.0) -> Any:
        self.asked.append(message)
        return CancelAnswered(message.request_id if hasattr(message, "request_id") else "", known=True)

    def call(self, actor: str, method: str, *arguments: Any, timeout_s: float = 60.0) -> Any:
        if method == "where_ran":
            raise UnknownId("attempt", str(arguments))
        if method == "find":
            return arguments[0]
        data = self.logs.get(arguments[0]) if arguments[2] == "stdout" else None
        if data is None:
            raise UnknownId("log", arguments[0])
        return len(data) if method == "log_size" else data[arguments[3] :]


class Served:
    """A site that listens, and a browser's tab that looks at it."""

    def __init__(self, views: Views, **fields: Any) -> None:
        self.views, self.door = views, Cluster()
        self._site = site(views=views, door=self.door, **fields)
        self.port = 0
        self.start()

    def start(self) -> None:
        self._serving = Serving()
        listening = listen("127.0.0.1", self.port)
        self.port = listening.getsockname()[1]
        self._serving.serve(make_app(self._site), listening)

    def stop(self) -> None:
        self._serving.stop()

    def tell(self, *notes: Any) -> None:
        self._serving.tell(self.views.take, list(notes))

    def url(self, place: str = "") -> str:
        return f"http://127.0.0.1:{self.port}/#/{place}"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "EVERY_S", 0.05)
    monkeypatch.setattr(logs_module, "LOOK_S", 0.05)
    monkeypatch.setattr(logs_module, "LOOK_MAX_S", 0.1)


@pytest.fixture
def served() -> Iterator[Served]:
    found = Served(views_of(*small_world()))
    yield found
    found.stop()


Opens = Callable[..., Page]


@pytest.fixture
def opens(browser: Browser) -> Iterator[Opens]:
    """Opens a tab. What goes wrong in one, or is fetched from elsewhere, fails the test."""
    contexts, wrong = [], []

    def made(url: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": DESK, **options})
        contexts.append(context)
        page = context.new_page()
        own = re.match(r"http://[^/]+/", url)
        assert own is not None
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", lambda told: told.type == "error" and wrong.append(f"{told.text} ({told.location['url']})"))
        page.on("request", lambda asked: asked.url.startswith((own[0], "data:")) or wrong.append(f"asks {asked.url}"))
        page.goto(url)
        return page

    yield made
    for context in contexts:
        context.close()
    # Chromium itself tells of every answer that is no 200; those that a test wants are seen on the page.
    assert [each for each in wrong if "Failed to load resource" not in each] == []


def card(page: Page, title: str) -> Any:
    return page.locator("section.card").filter(has=page.get_by_role("heading", name=title, exact=True))


# ---------------------------------------------------------------- what is shown


def test_the_cluster_at_a_glance(served: Served, opens: Opens) -> None:
    page = opens(served.url())
    cpus = page.get_by_role("img", name="cpus: 3 used, 1 offered, 0 free")
    expect(cpus).to_be_visible()
    expect(card(page, "Resources")).to_contain_text("0 free of 4")
    expect(card(page, "Tasks and jobs")).to_contain_text("1of 2 agents active")
    expect(card(page, "Jobs").get_by_role("link", name="score")).to_be_visible()
    expect(card(page, "What happened")).to_contain_text("job accepted")
    expect(card(page, "Agents").locator(".tile")).to_have_count(2)
    expect(page.get_by_role("img", name=re.compile("ads holds 38 % and is entitled to 75 %"))).to_be_visible()
    expect(page.locator(".chart canvas")).to_be_visible()
    assert page.title() == "Cluster · raymesos"


def test_it_changes_as_the_cluster_does(served: Served, opens: Opens) -> None:
    page = opens(served.url("agents"))
    expect(page.locator(".tile")).to_have_count(2)
    served.tell(agent("agent3"), agent("agent1", "gone"))
    expect(page.locator(".tile")).to_have_count(3)
    expect(page.locator(".tile").filter(has_text="agent1")).to_contain_text("gone")
    page.goto(served.url("events"))
    served.tell(EventNote(NOW_MS, "agent lost", "agent1-id", "it did not answer"))
    expect(page.locator(".events li").first).to_contain_text("it did not answer")


def test_an_empty_cluster_says_what_to_do(opens: Opens) -> None:
    served = Served(views_of())
    try:
        page = opens(served.url())
        expect(page.locator("main")).to_contain_text("No agent is active")
        expect(page.locator("main")).to_contain_text("submit one with raymesos submit job.yaml")
        for place in PLACES[1:]:
            page.goto(served.url(place))
            expect(page.locator(".empty").first).to_be_visible()
    finally:
        served.stop()


def test_a_job_says_why_it_waits(served: Served, opens: Opens) -> None:
    page = opens(served.url("jobs"))
    page.get_by_role("link", name=LONG).click()
    expect(card(page, "Why does it wait?")).to_contain_text("no agent is large enough")
    expect(card(page, "What it prints")).to_contain_text("nothing has been written yet")


def test_jobs_are_filtered_and_sorted(served: Served, opens: Opens) -> None:
    page = opens(served.url("jobs"))
    names = page.locator("tbody tr td:first-child")
    expect(names).to_have_count(3)
    page.get_by_role("button", name="Waits").click()
    expect(names).to_have_text(["score", LONG, "old"])
    expect(page.get_by_role("columnheader", name="Waits")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("searchbox").fill("fail")
    expect(names).to_have_text(["old"])
    page.get_by_role("searchbox").fill("no such")
    expect(page.locator(".empty")).to_have_text("No job matches.")


def test_an_agent_has_its_tasks_and_one_of_them_leads_to_its_log(served: Served, opens: Opens) -> None:
    served.door.logs["crawl-7"] = b"page 1\n"
    page = opens(served.url("agents/agent2-id"))
    page.get_by_role("link", name="crawl-7").click()
    log = page.get_by_label("stdout of the task")
    expect(log).to_have_text("page 1\n")
    served.door.logs["crawl-7"] += "Seite 2 <b>größer</b>\n".encode()
    expect(log).to_have_text("page 1\nSeite 2 <b>größer</b>\n")
    served.tell(task("crawl-7", "search", "agent2", "TASK_FINISHED", framework_id="F2"))
    expect(card(page, "What it prints")).to_contain_text("that is all")


def test_a_log_is_not_begun_again_when_something_else_on_the_page_changes(served: Served, opens: Opens) -> None:
    served.door.logs["crawl-7"] = b"page 1\n"
    page = opens(served.url())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/logs" in request.url else None)
    page.goto(served.url("tasks/F2/crawl-7"))
    expect(page.get_by_label("stdout of the task")).to_have_text("page 1\n")
    for n in range(3):
        served.tell(task(f"crawl-{10 + n}", "search", "agent2", framework_id="F2"))
        served.tell(task("crawl-7", "search", "agent2", framework_id="F2", message=f"still at it {n}"))
        expect(page.locator("dl.facts")).to_contain_text(f"still at it {n}")
    assert len(asked) == 1
    page.get_by_role("button", name="stderr").click()
    expect(page.get_by_role("button", name="stderr")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".log")).to_contain_text("nothing has been written yet")
    assert len(asked) == 2


def test_an_agent_that_is_not_there_is_told_as_such(served: Served, opens: Opens) -> None:
    page = opens(served.url("agents/nosuch"))
    expect(page.locator(".empty")).to_contain_text("nosuch")


def test_many_rows_are_shown_in_parts(served: Served, opens: Opens) -> None:
    served.tell(*[job(f"job-{n:03}", "ads", total=1, waiting=1) for n in range(300)])
    page = opens(served.url("jobs"))
    expect(page.locator(".more")).to_contain_text("100 of 303 are shown")
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("tbody tr")).to_have_count(303)


def test_the_picture_draws_means_of_what_roles_had_and_counts_no_sub_role_twice(served: Served, opens: Opens) -> None:
    page = opens(served.url())
    history = {
        "ads": [[100_000, 0.5, 1.0], [105_000, 0.1, 0.5]],
        "ads/video": [[100_000, 0.5, 1.0]],
        "idle": [[90_000, 0.0, 0.0]],
        "search": [[110_000, 0.4, 0.5]],
    }
    drawn = page.evaluate("(history) => import('/page/chart.js').then((m) => m.aligned(history, 125_000))", history)
    assert drawn["times"] == [100_000, 110_000, 120_000]
    rows = {row["role"]: [pytest.approx(row["share"]), pytest.approx(row["entitled"])] for row in drawn["rows"]}
    assert rows == {"ads": [[0.3, 0.1, 0.1], [0.75, 0.5, 0.5]], "search": [[0, 0.4, 0.4], [0, 0.5, 0.5]]}


# ---------------------------------------------------------------- what is done


def test_draining_is_asked_for_first_then_done_then_said(served: Served, opens: Opens) -> None:
    page = opens(served.url("agents/agent1-id"))
    page.get_by_role("button", name="Drain").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Not now").click()
    expect(dialog).to_be_hidden()
    assert served.door.operated == []
    page.get_by_role("button", name="Drain").click()
    dialog.get_by_label("Grace for its tasks").fill("1m")
    dialog.get_by_role("button", name="Drain it").click()
    expect(page.get_by_text("agent1 is being drained")).to_be_visible()
    expect(dialog).to_be_hidden()
    assert served.door.operated == [DrainAgent("agent1-id", 60_000)]


def test_what_is_refused_is_told_in_the_dialog_and_can_be_mended(served: Served, opens: Opens) -> None:
    page = opens(served.url("roles"))
    page.get_by_role("row").filter(has_text="ads").get_by_role("button", name="Weight").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Weight").fill("-1")
    dialog.get_by_role("button", name="Set the weight").click()
    expect(dialog.get_by_role("alert")).to_contain_text("must be a number greater than 0")
    served.door.refuses = Conflict("the master says no")
    dialog.get_by_label("Weight").fill("2")
    dialog.get_by_role("button", name="Set the weight").click()
    expect(dialog.get_by_role("alert")).to_have_text("the master says no")
    served.door.refuses = None
    dialog.get_by_role("button", name="Set the weight").click()
    expect(dialog).to_be_hidden()
    assert served.door.operated == [SetWeights((("ads", "2"),))]


def test_a_quota_is_set_as_it_is_written(served: Served, opens: Opens) -> None:
    page = opens(served.url("roles/ads"))
    page.get_by_role("button", name="Quota").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Guarantee")).to_have_value("cpus:2")
    dialog.get_by_label("Guarantee").fill("cpus")
    dialog.get_by_role("button", name="Set the quota").click()
    expect(dialog.get_by_role("alert")).to_contain_text('guarantee: "cpus" must be like')
    dialog.get_by_label("Guarantee").fill("cpus:1.5; mem:512")
    dialog.get_by_label("Limit").fill("")
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Set the quota").click()
    expect(dialog).to_be_hidden()
    (asked,) = served.door.operated
    assert isinstance(asked, SetQuotas) and asked.force
    assert [(q.role, q.guarantee, q.limit) for q in asked.quotas] == [("ads", (("cpus", 1500), ("mem", 512_000)), ())]


def test_a_job_is_cancelled(served: Served, opens: Opens) -> None:
    page = opens(served.url("jobs/score"))
    page.get_by_role("button", name="Cancel job").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    served.tell(job("score", "ads", state="KillInitiated", total=10, running=2))
    expect(page.get_by_text("job score is being cancelled")).to_be_visible()
    assert [type(each).__name__ for each in served.door.asked] == ["CancelJob"]
    expect(page.get_by_role("button", name="Cancel job")).to_have_count(0)


# ---------------------------------------------------------------- whoever looks, and however


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_nothing_is_wider_than_the_screen(served: Served, opens: Opens, size: dict[str, int]) -> None:
    served.tell(share("a/very/deep/role/with-a-long-name/that-goes-on-and-on/and-on", "1", (1, 8), (1, 8), "cpus:1"))
    served.tell(agent("agent-with-a-long-name-that-a-machine-gave-itself.somewhere.in.a.datacentre.example"))
    page = opens(served.url(), viewport=size)
    for place in (*PLACES, *ONES):
        page.goto(served.url(place))
        expect(page.locator("main > *").first).to_be_visible()
        wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], place


CONTRAST = """() => {
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 && n[3] < 0.5 ? null : n.slice(0, 3); };
  const light = (rgb) => { const [r, g, b] = rgb.map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (node) => { for (let n = node; n; n = n.parentElement) { const c = parse(getComputedStyle(n).backgroundColor); if (c) return c; } return [255, 255, 255]; };
  const low = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !node.checkVisibility() || node.closest('noscript, .skip, :disabled')) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push(`${walk.currentNode.textContent.trim().slice(0, 30)} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return [...new Set(low)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(served: Served, opens: Opens, scheme: str) -> None:
    """WCAG's AA: 4.5 to 1."""
    page = opens(served.url(), color_scheme=scheme, reduced_motion="reduce")
    for place in (*PLACES, *ONES):
        page.goto(served.url(place))
        expect(page.locator("main > *").first).to_be_visible()
        assert page.evaluate(CONTRAST) == [], place


def test_light_and_dark_are_the_systems_until_one_is_chosen(served: Served, opens: Opens) -> None:
    page = opens(served.url(), color_scheme="dark")
    back = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(back)
    page.get_by_role("button", name="system").click()
    expect(page.get_by_role("button", name="light")).to_be_visible()
    light = page.evaluate(back)
    assert light != dark
    page.reload()
    expect(page.get_by_role("button", name="light")).to_be_visible()
    assert page.evaluate(back) == light


def test_all_of_it_can_be_done_with_keys(served: Served, opens: Opens) -> None:
    page = opens(served.url())
    expect(page.get_by_text("live")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.keyboard.press("2")
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("score")
    page.get_by_role("link", name="score").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Job score")).to_be_visible()
    page.get_by_role("button", name="Cancel job").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert served.door.asked == []


def test_a_server_that_was_away_is_shown_again_when_it_is_back(served: Served, opens: Opens) -> None:
    page = opens(served.url("agents"))
    expect(page.locator(".tile")).to_have_count(2)
    served.stop()
    expect(page.locator(".live")).to_have_text("connecting …")
    served.start()
    served.tell(agent("agent3"))
    expect(page.locator(".tile")).to_have_count(3)
    expect(page.locator(".live")).to_have_text("live")


@pytest.mark.parametrize(("roles", "reads_only"), [((), True), (("ads",), False)], ids=["reads only", "of a role"])
def test_with_a_token_that_is_not_good_for_it_nothing_is_offered_to_do(
    opens: Opens, tmp_path: Any, roles: tuple[str, ...], reads_only: bool
) -> None:
    path = tmp_path / "tokens.json"
    _, secret = create_token(path, "ana", NOW_MS, lasts_ms=None, roles=roles, reads_only=reads_only)
    served = Served(views_of(*small_world()), keyring=Keyring(path))
    try:
        page = opens(served.url("agents/agent1-id"), http_credentials={"username": "ana", "password": secret})
        expect(page.get_by_role("heading", name="Agent agent1")).to_be_visible()
        expect(page.locator(".live")).to_have_text("live")
        expect(page.locator(".cluster")).to_have_text("test")
        expect(page.get_by_role("button", name="Drain")).to_have_count(0)
    finally:
        served.stop()


def test_two_agents_of_different_states_are_told_apart_by_more_than_colour(served: Served, opens: Opens) -> None:
    page = opens(served.url("agents"))
    expect(page.locator(".tile").filter(has_text="agent2")).to_contain_text("draining")
    expect(page.locator(".tile").filter(has_text="agent1")).to_contain_text("active")
