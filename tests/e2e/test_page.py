"""The page in a real browser, at the deployed API: what the person with the button goes through."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from chalicelib.aws.tokens import Kind
from respool.local.deployment import Deployment
from respool.local.picture import chromium
from tests.e2e.browser import page
from tests.e2e.conftest import Engines
from tests.e2e.test_loop import fail_and_spool, finished

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium here")

HOSTILE_KEY = "<img src=x onerror=\"document.title='owned'\">/../%2F?a=b#c'\u202e"
HOSTILE_TEXT = "</p><script>document.title='owned'</script><b>bold</b> {{7*7}} ${7*7}"

Open = Callable[..., Page]


@pytest.fixture
def open_page(chrome: Browser, stage: Deployment) -> Iterator[Open]:
    """Opens the page, signed in with the console's token unless told otherwise."""
    with ExitStack() as tabs:

        def open_it(token: str | None = None, **options: Any) -> Page:
            tab = tabs.enter_context(page(chrome, **options))
            tab.goto(f"{stage.api_url}/")
            sign_in(tab, token or stage.token)
            return tab

        yield open_it


def sign_in(tab: Page, token: str) -> None:
    tab.locator("#token").fill(token)
    tab.locator("#token").press("Enter")


def headline(tab: Page) -> Any:
    return tab.locator("#now")


def claim(stage: Deployment, key: str, message: str, minute: int = 0) -> None:
    """Write a parked job's claim, as the state machine does."""
    failed = {"S": f"2026-11-20T13:{minute % 60:02}:00.000Z"}
    item = {
        "pk": {"S": f"job#{key}"},
        "execution": {"S": stage.names.execution_arn("gone")},
        "state": {"S": "parked"},
        "queue": {"S": "parked#UncertainTask"},
        "order": {"S": f"{failed['S']}#{key[:200]}"},
        "token": {"S": "a token of no execution"},
        "claimedAt": failed,
        "since": failed,
        "failedAt": failed,
        "firstFailedAt": failed,
        "task": {"S": "UncertainTask"},
        "attempt": {"N": "1"},
        "error": {"S": "ConnectionError"},
        "cause": {"S": message},
    }
    stage.client("dynamodb").put_item(TableName=stage.names.table, Item=item)


def test_the_failure_is_seen_and_two_jobs_are_put_back_and_finish(
    stage: Deployment, open_page: Open
) -> None:
    executions = fail_and_spool(stage, [{"key": f"job-{n}"} for n in range(3)])
    stage.set_behavior("OK")
    tab = open_page()
    expect(headline(tab)).to_contain_text("3 jobs have been waiting since")
    expect(tab.locator(".said blockquote")).to_have_text("the service does not answer")

    tab.locator("#count").fill("2")
    tab.locator("#count").press("Tab")
    tab.get_by_role("button", name="Replay 2 jobs", exact=True).click()
    expect(tab.locator(".plan")).to_contain_text("2 jobs go on where they stopped")
    assert stage.spool_depth() == 3
    tab.get_by_role("button", name="Yes, replay 2 jobs").click()

    expect(tab.locator("#ended h2")).to_have_text("All 2 have finished.")
    assert sum(stage.status(execution) == "SUCCEEDED" for execution in executions) == 2
    expect(headline(tab)).to_contain_text("1 job has been waiting since")


def test_jobs_that_fail_again_are_told_and_wait_as_before(
    stage: Deployment, open_page: Open
) -> None:
    fail_and_spool(stage, [{"key": "a"}, {"key": "b"}])
    tab = open_page()

    tab.get_by_role("button", name="Replay 2 jobs", exact=True).click()
    tab.get_by_role("button", name="Yes, replay 2 jobs").click()

    expect(tab.locator("#ended h2")).to_have_text("2 failed again.")
    expect(headline(tab)).to_contain_text("2 jobs have been waiting")
    expect(tab.locator(".rows")).to_contain_text("failed 2 times")


def test_a_task_is_held_and_released(stage: Deployment, open_page: Open) -> None:
    tab = open_page()
    tab.locator(".changes summary").click()
    tab.get_by_role("button", name="Hold UncertainTask").click()
    dialog = tab.get_by_role("dialog", name="Hold UncertainTask?")
    dialog.locator("#reason").fill("they repair the database")
    dialog.get_by_role("button", name="Hold").click()
    expect(headline(tab)).to_have_text("UncertainTask takes no jobs")
    expect(tab.locator(".lead.gate")).to_contain_text("Closed by console since")
    execution = stage.start({"key": "waits"})
    stage.wait_until(lambda: len(stage.jobs("line")) == 1, "the job in line")
    assert "UncertainTask" not in stage.entered(execution)

    tab.locator(".task").get_by_role("button", name="Release UncertainTask").click()
    dialog = tab.get_by_role("dialog", name="Release UncertainTask?")
    dialog.get_by_role("button", name="Release").click()

    expect(headline(tab)).not_to_have_text("UncertainTask takes no jobs")
    stage.wait_until(lambda: finished(stage, [execution]), "the job to finish")


def test_a_limit_is_set(stage: Deployment, open_page: Open) -> None:
    tab = open_page()

    tab.locator(".changes summary").click()
    tab.get_by_label("How many jobs may be in UncertainTask at once").fill("3")
    tab.get_by_role("button", name="Set the limit of UncertainTask").click()
    dialog = tab.get_by_role("dialog", name="Let at most 3 jobs into UncertainTask?")
    dialog.get_by_role("button", name="Set the limit").click()

    expect(tab.locator(".task")).to_contain_text("at most 3 at once")


def test_a_finished_job_is_found_by_its_key_with_its_history(
    stage: Deployment, open_page: Open
) -> None:
    (execution,) = fail_and_spool(stage, [{"key": "order-1"}])
    stage.set_behavior("OK")
    tab = open_page()
    tab.get_by_role("button", name="Replay the job order-1").click()
    stage.wait_until(lambda: finished(stage, [execution]), "the job to finish")
    expect(tab.locator(".single .chip")).to_have_text("Finished")

    tab.get_by_role("searchbox").fill("order-1")
    tab.get_by_role("button", name="History of the job order-1").click()

    steps = tab.locator(".history-of li")
    expect(steps.first).to_contain_text("It was started.")
    expect(tab.locator(".history-of")).to_contain_text("It was put back, and goes on.")
    expect(steps.last).to_contain_text("It finished.")


def test_one_job_is_given_up_only_with_a_reason(stage: Deployment, open_page: Open) -> None:
    kept, given_up = fail_and_spool(stage, [{"key": "kept"}, {"key": "unwanted"}])
    tab = open_page()

    tab.get_by_role("button", name="Give up the job unwanted").click()
    dialog = tab.get_by_role("dialog", name="Give this job up?")
    dialog.get_by_role("button", name="End it for good").click()
    expect(dialog).to_contain_text("A reason is needed")
    assert stage.status(given_up) == "RUNNING"
    dialog.get_by_role("textbox").fill("ordered twice")
    dialog.get_by_role("button", name="End it for good").click()

    expect(headline(tab)).to_contain_text("1 job has been waiting")
    about = stage.describe(given_up)
    assert (about["status"], about["error"], about["cause"]) == (
        "FAILED",
        "GivenUp",
        "ordered twice",
    )
    assert stage.status(kept) == "RUNNING"


def test_a_job_is_kept_when_the_question_is_declined(stage: Deployment, open_page: Open) -> None:
    fail_and_spool(stage, [{"key": "a"}])
    tab = open_page()

    tab.get_by_role("button", name="Give up the job a").click()
    tab.keyboard.press("Escape")

    expect(tab.get_by_role("dialog")).to_have_count(0)
    assert stage.spool_depth() == 1


def test_a_wrong_token_opens_nothing_and_is_not_kept(open_page: Open, stage: Deployment) -> None:
    tab = open_page(token="wrong")

    expect(tab.get_by_role("alert")).to_contain_text("This token is not known here")
    assert tab.evaluate("sessionStorage.length") == 0

    sign_in(tab, stage.token)
    expect(headline(tab)).to_have_text("Nothing is waiting")


def test_the_token_stays_in_its_tab_and_out_of_every_url(
    open_page: Open, stage: Deployment
) -> None:
    tab = open_page()
    urls: list[str] = []
    tab.on("request", lambda request: urls.append(request.url))
    tab.reload()
    expect(headline(tab)).to_have_text("Nothing is waiting")

    assert urls
    assert not [url for url in urls if stage.token in url]
    assert tab.evaluate("localStorage.length") == 0
    tab.get_by_role("button", name="Lock this page").click()
    expect(tab.locator("#token")).to_be_visible()
    assert tab.evaluate("sessionStorage.length") == 0


def test_a_token_for_looking_shows_no_button_that_changes_something(
    stage: Deployment, open_page: Open, engines: Engines
) -> None:
    claim(stage, "a", "no answer")
    token = engines(stage).world.named_tokens.create("wall", Kind.READ)
    tab = open_page(token=token)

    expect(headline(tab)).to_contain_text("1 job has been waiting")
    expect(tab.locator(".hero")).to_contain_text("for looking only")
    expect(tab.get_by_role("button", name=re.compile("Replay|Hold|Give up"))).to_have_count(0)


def test_an_error_and_a_key_full_of_markup_stay_text(stage: Deployment, open_page: Open) -> None:
    fail_and_spool(stage, [{"key": HOSTILE_KEY}])
    claim(stage, "<script>document.title='owned'</script>", HOSTILE_TEXT)
    stage.set_behavior("OK")
    tab = open_page()

    shown = HOSTILE_KEY.replace("\u202e", "‹U+202E›")
    expect(tab.locator(".rows")).to_contain_text(shown)
    expect(tab.locator(".jobs-section")).to_contain_text(HOSTILE_TEXT)
    assert tab.locator("main script, main b:has-text('bold'), .rows img").count() == 0
    assert "owned" not in tab.title()

    tab.get_by_role("button", name=f"Replay the job {shown}", exact=True).click()

    expect(tab.locator(".single .key")).to_have_text(shown)
    (execution,) = stage.executions()
    stage.wait_until(
        lambda: finished(stage, [execution["executionArn"]]), "the hostile job to finish"
    )


def grouped(stage: Deployment) -> int:
    """How many jobs the API's groups have: a smaller list than the page's would stand open."""
    answer = stage.api("GET", "/jobs/groups", stage.token)
    return sum(group["count"] for group in answer.json["groups"])


def test_five_hundred_jobs_are_counted_grouped_paged_and_found(
    stage: Deployment, open_page: Open
) -> None:
    for n in range(500):
        claim(stage, f"order-{n:04}", "maintenance" if n % 5 else "timeout", n)
    stage.wait_until(lambda: grouped(stage) == 500, "the API to have looked again")
    tab = open_page()

    expect(headline(tab)).to_contain_text("500 jobs have been waiting since")
    tab.get_by_role("button", name=re.compile("Show the jobs")).click()
    expect(tab.locator(".row")).to_have_count(25)
    tab.get_by_role("button", name="Show more (475 left)").click()
    expect(tab.locator(".row")).to_have_count(50)

    tab.get_by_role("searchbox").fill("ORDER-0444")

    expect(tab.locator(".found .row")).to_have_count(1)
    expect(tab.locator(".found")).to_contain_text("order-0444")


def test_the_page_says_when_the_api_is_gone_and_when_it_is_back(
    stage: Deployment, open_page: Open
) -> None:
    tab = open_page()
    expect(headline(tab)).to_have_text("Nothing is waiting")

    tab.context.set_offline(True)
    expect(tab.locator(".notice.lost")).to_contain_text("No answer from the server since")
    claim(stage, "meanwhile", "no answer")
    tab.context.set_offline(False)

    expect(tab.locator(".notice.lost")).to_have_count(0)
    expect(headline(tab)).to_contain_text("1 job has been waiting")


def test_a_replay_that_is_cut_off_is_told_and_nothing_is_lost(
    stage: Deployment, open_page: Open
) -> None:
    fail_and_spool(stage, [{"key": "a"}])
    tab = open_page()
    tab.get_by_role("button", name="Replay 1 job", exact=True).click()
    expect(tab.locator("#go")).to_be_visible()

    tab.context.set_offline(True)
    tab.locator("#go").click()

    expect(tab.locator("#progress")).to_contain_text("The server’s answer was lost")
    assert len(stage.jobs("parked")) == 1


def test_everything_works_from_the_keyboard(stage: Deployment, open_page: Open) -> None:
    (execution,) = fail_and_spool(stage, [{"key": "a"}])
    stage.set_behavior("OK")
    tab = open_page()
    expect(headline(tab)).to_contain_text("1 job")

    press_until(tab, "Tab", "replay")
    tab.keyboard.press("Enter")
    expect(tab.locator("#preview")).to_be_focused()
    press_until(tab, "Tab", "go")
    tab.keyboard.press("Enter")

    stage.wait_until(lambda: finished(stage, [execution]), "the job to finish")
    expect(tab.locator("#ended")).to_be_visible()


def press_until(tab: Page, key: str, wanted: str) -> None:
    """Press a key until the focus is on the element of that id, once that is there."""
    expect(tab.locator(f"#{wanted}")).to_be_enabled()
    for _ in range(30):
        if tab.evaluate("document.activeElement.id") == wanted:
            return
        tab.keyboard.press(key)
    raise AssertionError(f"{wanted} can't be reached by {key}")


def test_the_page_speaks_the_browser_s_language_and_can_be_switched(
    stage: Deployment, open_page: Open
) -> None:
    claim(stage, "a", "no answer")
    tab = open_page(locale="ja-JP")

    expect(headline(tab)).to_contain_text("1件のジョブが待っています")
    assert tab.evaluate("document.documentElement.lang") == "ja"

    tab.get_by_role("button", name="English").click()

    expect(headline(tab)).to_contain_text("1 job has been waiting")
    tab.reload()
    expect(headline(tab)).to_contain_text("1 job has been waiting")


@pytest.mark.parametrize("locale", ["en-GB", "ja-JP"])
def test_nothing_sticks_out_on_a_phone(stage: Deployment, open_page: Open, locale: str) -> None:
    claim(stage, "k" * 300, "w" * 900)
    claim(stage, "order-1", "no answer", 1)
    tab = open_page(locale=locale, viewport={"width": 320, "height": 640})
    expect(tab.locator(".row").first).to_be_visible()

    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
    small = tab.evaluate(
        "[...document.querySelectorAll('button')].filter(b => b.offsetHeight < 24).length"
    )
    assert small == 0
