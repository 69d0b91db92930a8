"""What the page says and does in situations that a real stage seldom comes into.

The API and the engines behind it are the real ones, over a table and executions in memory.
"""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from chalicelib.job.claim import State as Stands
from respool.local.picture import chromium
from tests.e2e import states
from tests.e2e.paper import (
    ADDRESS,
    NOW,
    SETTINGS,
    Lost,
    Paper,
    ended,
    job,
    moment,
    paper_page,
    runs,
    slots,
)
from tests.fakes.spool import Delivery
from tests.fakes.stage import FakeStage

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium here")


def look_again(tab: Page) -> None:
    """Have the page look at once."""
    tab.evaluate("dispatchEvent(new Event('online'))")


def headline(tab: Page) -> Any:
    return tab.locator("#now")


# Replays


def test_two_presses_put_jobs_back_and_tell_how_they_ended(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.all_done(tab, paper)

        expect(tab.locator("#ended h2")).to_have_text("All 4 have finished.")
        assert [len(given["ids"]) for given in paper.replays()] == [4]


def test_one_is_tried_first_and_the_others_follow_once_it_has_worked(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 4)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.locator("#replay").click()
        paper.then = paper.memory.run
        tab.get_by_role("button", name="Try one first").dblclick()
        look_again(tab)
        expect(tab.locator("#ended")).to_contain_text("It worked.")
        assert [given["ids"] for given in paper.replays()] == [["order-0"]]
        assert len(paper.memory.waiting) == 3

        tab.get_by_role("button", name="Put the other 3 back").dblclick()
        look_again(tab)

        expect(tab.locator("#ended h2")).to_have_text("All 3 have finished.")
        assert [len(given["ids"]) for given in paper.replays()] == [1, 3]


def test_where_the_one_fails_again_the_others_wait_as_before(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 3)
    paper.memory.service.broken = True
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.locator("#replay").click()
        paper.then = paper.memory.run
        tab.locator("#try").click()
        look_again(tab)

        expect(tab.locator("#ended h2")).to_have_text("1 failed again.")
        expect(tab.locator("#ended")).to_contain_text("The other 2 wait as before.")
        expect(tab.locator("#others")).not_to_have_class(re.compile("primary"))
        assert len(paper.memory.waiting) == 3


def test_one_that_is_tried_passes_a_closed_gate(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 2)
    gates = paper.memory.process().engines.gates
    gates.close("UncertainTask", None, "kim", "repair")
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.locator("#replay").click()
        paper.then = paper.memory.run
        tab.locator("#try").click()
        look_again(tab)

        expect(tab.locator("#ended")).to_contain_text("It worked.")
        assert [given.get("pass") for given in paper.replays()] == [True]


def test_a_double_click_puts_one_job_back(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 3)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.locator("#count").fill("1")
        tab.locator("#replay").click()
        paper.then = paper.memory.run
        tab.locator("#go").dblclick()

        expect(tab.locator("#ended h2")).to_have_text("It has finished.")
        assert len(paper.replays()) == 1
        assert len(paper.memory.waiting) == 2


def test_what_the_preview_named_is_what_is_put_back(chrome: Browser) -> None:
    """Somebody else is quicker: nobody else's jobs are taken in their place."""
    paper = Paper()
    states.real(paper, 4)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.locator("#count").fill("2")
        tab.locator("#replay").click()
        tab.locator("#go").wait_for()
        paper.memory.process().engines.replay(states.request(2), 10, attended=True)
        paper.memory.run()
        tab.locator("#go").click()

        expect(tab.locator("#ended h2")).to_have_text("No job was put back.")
        assert sorted(claim.key for claim in paper.memory.waiting.values()) == [
            "order-2",
            "order-3",
        ]


def test_a_lost_answer_is_told_as_unknown_and_then_as_what_is_so(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 4)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.locator("#replay").click()
        tab.locator("#go").wait_for()

        def lose_it() -> None:
            raise Lost

        paper.then = lose_it
        tab.locator("#go").click()
        expect(tab.locator("#progress h2")).to_have_text("4 jobs put back")
        assert "No job was put back" not in tab.content()
        paper.then = lambda: None
        paper.memory.run()
        look_again(tab)

        expect(tab.locator("#ended h2")).to_have_text("All 4 have finished.")


@pytest.mark.parametrize("status", [502, 504])
def test_jobs_that_a_lost_request_left_alone_are_told_as_not_put_back(
    chrome: Browser, status: int
) -> None:
    paper = Paper()
    states.real(paper, 2)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.locator("#replay").click()
        tab.locator("#go").wait_for()
        paper.instead = lambda *_: (status, {"message": "Endpoint request timed out"})
        tab.locator("#go").click()
        expect(tab.locator("#progress")).to_contain_text("Looking whether it has begun")

        tab.clock.set_fixed_time(NOW.timestamp() * 1000 + 40_000)
        look_again(tab)

        expect(tab.locator("#ended h2")).to_have_text("No job was put back.")
        expect(tab.locator("#ended")).to_contain_text("it knows of no such replay")


def test_jobs_that_are_given_up_or_stopped_meanwhile_have_not_finished(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 3)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        paper.then = lambda: states.become(
            paper,
            ended("order-0", 1, Stands.GIVEN_UP),
            ended("order-1", 1, Stands.ABORTED),
            ended("order-2", 1, Stands.FINISHED),
        )
        states.press(tab)

        ended_panel = tab.locator("#ended")
        expect(ended_panel.locator("h2")).to_have_text(
            "1 finished, 1 given up, 1 stopped without finishing."
        )
        expect(ended_panel).to_have_class(re.compile("failed"))


def test_many_jobs_are_one_request_and_the_page_may_be_left(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 150)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        states.press(tab)
        expect(tab.locator("#progress")).to_contain_text("the server goes on by itself")
        leaving = """() => {
            const event = new Event('beforeunload', { cancelable: true });
            dispatchEvent(event);
            return event.defaultPrevented;
        }"""

        assert tab.evaluate(leaving) is False
        assert [len(given["ids"]) for given in paper.replays()] == [150]


def test_a_replay_under_way_is_shown_to_everybody_alike_and_may_be_stopped(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 6)
    begun = states.under_way(paper, 4)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        panel = tab.locator(".under-way")
        expect(panel).to_contain_text("kim is putting 4 jobs back since today 09:20: 0 so far.")
        expect(panel).to_contain_text("“they say it is well”")
        panel.get_by_role("button", name="Stop: put no more back").click()

        expect(panel).to_contain_text("Stopped by aki: what has begun goes on.")
        replay = paper.memory.process().replays.get(begun)
        assert replay is not None
        assert replay.stopped_by == "aki"


def test_after_a_reload_the_last_replays_tell_what_became_of_them(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 4)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        paper.then = lambda: states.again(paper)
        states.press(tab)
        tab.locator("#ended").wait_for()
        tab.reload()

        expect(tab.locator(".replays li")).to_have_text(
            "aki put 4 jobs back today 09:20: 2 finished, 2 failed again."
        )


def test_after_one_has_worked_the_others_may_go_by_twos_and_fours(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 8)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.locator("#replay").click()
        paper.then = paper.memory.run
        tab.locator("#try").click()
        for name in ("Put 2 more back first", "Put 4 more back first", "Put the other one back"):
            tab.get_by_role("button", name=name).click()
        expect(tab.locator("#ended h2")).to_have_text("It has finished.")

        assert [len(given["ids"]) for given in paper.replays()] == [1, 2, 4, 1]
        assert paper.memory.waiting == {}


def test_two_people_at_once_are_each_told_of_their_own_jobs(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 4)
    with paper_page(chrome, paper) as mine, paper_page(chrome, paper) as theirs:
        for tab, count in ((mine, "3"), (theirs, "4")):
            states.sign_in(tab)
            tab.locator("#count").fill(count)
            tab.locator("#replay").click()
            tab.locator("#go").wait_for()
        mine.locator("#go").click()
        expect(mine.locator("#progress h2")).to_have_text("3 jobs put back")
        theirs.locator("#go").click()
        expect(theirs.locator("#progress h2")).to_have_text("1 job put back")
        paper.memory.run()
        states.become(paper, job("order-0", 0.0001, attempt=2))
        for tab in (mine, theirs):
            look_again(tab)

        expect(mine.locator("#ended h2")).to_have_text("2 finished, 1 failed again.")
        expect(theirs.locator("#ended h2")).to_have_text("It has finished.")
        expect(theirs.locator("#ended")).to_contain_text("Of 4, 1 were put back")


def test_in_the_task_and_in_line_are_told_apart(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.progress(tab, paper)

        counts = tab.locator("#progress .counts li")
        expect(counts).to_have_text(
            ["2 finished", "1 failed again", "1 on the way", "1 in line", "1 given up"]
        )
        expect(tab.locator("#progress h2")).to_have_text("6 jobs put back")


def test_jobs_that_could_not_be_put_back_are_named_as_text(chrome: Browser) -> None:
    paper = Paper()
    paper.lay(job("<b>order</b>", 5))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.locator("#replay").click()
        tab.locator("#go").wait_for()
        paper.memory.table.put("job#<b>order</b>", job("<b>order</b>", 5, token=""))
        tab.locator("#go").click()

        expect(tab.locator("ul.refused")).to_contain_text("<b>order</b> its execution is gone")


def test_what_lies_on_the_spool_without_a_job_is_looked_at_first(chrome: Browser) -> None:
    paper = Paper()
    paper.memory.spool.send('{"key": "old-1"}')
    paper.memory.clock.pause(1)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        expect(headline(tab)).to_have_text("Nothing is waiting")
        tab.get_by_role("button", name="Look what they are").click()
        expect(tab.locator(".plan")).to_have_text("1 job starts again from the beginning")
        paper.then = paper.memory.run
        tab.locator("#go").click()

        expect(tab.locator("#ended h2")).to_have_text("It has finished.")


# The number


@pytest.mark.parametrize(
    ("typed", "button", "said"),
    [
        ("5", "Replay 5 jobs", ""),
        ("１０", "Replay 10 jobs", ""),
        ("0", "Replay 11 jobs", "“0” is not a number from 1 to 11. It stays at 11."),
        ("5.5", "Replay 11 jobs", "“5.5” is not a number from 1 to 11. It stays at 11."),
        ("all of them", "Replay 11 jobs", "“all of them” is not a number from 1 to 11."),
        ("12", "Replay 11 jobs", "Only 11 are waiting. It stays at 11."),
    ],
)
def test_what_is_typed_is_meant_or_told_to_be_wrong(
    chrome: Browser, typed: str, button: str, said: str
) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.waiting(tab, paper)
        tab.locator("#count").fill(typed)
        tab.locator("#count").press("Tab")

        expect(tab.locator("#replay")).to_have_text(button)
        expect(tab.locator("#count-wrong")).to_contain_text(said)


@pytest.mark.parametrize("how", ["click", "Enter"])
def test_a_press_right_after_typing_is_heard(chrome: Browser, how: str) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.waiting(tab, paper)
        tab.locator("#count").fill("２")
        if how == "click":
            tab.locator("#replay").click()
        else:
            tab.locator("#count").press("Enter")

        expect(tab.locator("#go")).to_have_text("Yes, replay 2 jobs")


def test_a_wrong_number_is_not_previewed_and_the_last_one_stays(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.waiting(tab, paper)
        tab.locator("#count").fill("3")
        tab.locator("#count").press("Tab")
        tab.locator("#count").fill("many")
        tab.locator("#count").press("Enter")

        expect(tab.locator("#count-wrong")).to_contain_text("It stays at 3.")
        expect(tab.locator("#count")).to_have_value("3")
        assert paper.asked == []


def test_typing_is_not_disturbed_by_news(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.waiting(tab, paper)
        tab.locator("#count").press("End")
        tab.locator("#count").press("Backspace")
        paper.lay(job("order-99999", 1))
        look_again(tab)
        expect(headline(tab)).to_contain_text("13 jobs")

        expect(tab.locator("#count")).to_have_value("1")
        expect(tab.locator("#count")).to_be_focused()


# What is said of failures


def test_each_message_is_told_with_how_many_said_it_and_nobody_is_blamed(chrome: Browser) -> None:
    paper = Paper()
    same = [
        job(f"a-{n}", 10, message=f"order {n} was refused by db-{n}.internal") for n in range(5)
    ]
    other = [job("b", 9, message="no route to host"), job("c", 8, message="KeyError: 'amount'")]
    paper.lay(*same, *other)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        said = tab.locator(".said")

        expect(said.locator("figcaption")).to_have_text("They failed with:")
        expect(said.locator("blockquote")).to_have_count(3)
        expect(said.locator("blockquote").first).to_contain_text("5 alike")
        assert "answered" not in tab.locator("#hero").inner_text()
        expect(tab.locator(".messages .message").first).to_contain_text("5 × order")


def test_an_abort_is_not_ascribed_to_the_service(chrome: Browser) -> None:
    paper = Paper()
    paper.lay(job("a", 10, error="Aborted", message="", deadAt=moment(10)))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)

        expect(tab.locator(".said")).to_contain_text("The execution was stopped from outside.")
        expect(tab.locator(".row")).to_contain_text("its execution died")


def test_very_many_errors_are_not_as_many_cards(chrome: Browser) -> None:
    paper = Paper()
    paper.lay(*(job(f"job-{n}", 10, error=f"Error{n:03}") for n in range(120)))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)

        expect(tab.locator(".group.parked")).to_have_count(8)
        expect(tab.locator("#jobs")).to_contain_text("42 more kinds of errors (42 jobs)")
        expect(tab.locator("#jobs")).to_contain_text("70 jobs with 70 more kinds of errors")
        tab.get_by_role("button", name="42 more kinds of errors").click()
        expect(tab.locator(".group.parked")).to_have_count(50)


def test_a_large_backlog_says_what_was_looked_at(chrome: Browser) -> None:
    paper = Paper()
    paper.lay(*(job(f"job-{n:05}", 59 - n / 1000) for n in range(4_100)))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)

        expect(headline(tab)).to_contain_text("4,100 jobs have been waiting")
        expect(tab.locator("#jobs .warning")).to_contain_text("those of the oldest 4,000")


# The gate


def test_a_closed_gate_is_the_first_sentence(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.held(tab, paper)

        expect(headline(tab)).to_have_text("UncertainTask takes no jobs until today 15:00")
        expect(tab.locator(".lead.gate")).to_have_text(
            "Closed by kim since today 07:20 until today 15:00: “they repair the database”;"
            " 12 jobs failed, 4 are untried. 4 jobs wait in line, 3 still in the task."
        )
        expect(tab.locator("#hero")).to_contain_text("12 jobs have been waiting since Friday")


def test_the_gate_is_opened_after_a_question_and_who_opens_it_is_known(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.held(tab, paper)
        tab.get_by_role("button", name="Release UncertainTask").click()
        dialog = tab.get_by_role("dialog", name="Release UncertainTask?")
        expect(dialog).to_contain_text("4 jobs in line go in, oldest first, at most 5 at once.")
        assert paper.asked == []
        dialog.get_by_role("button", name="Release").click()

        expect(headline(tab)).to_contain_text("12 jobs have been waiting")
        assert paper.asked == [("PUT", "tasks/UncertainTask/gate", {"open": True})]


def test_a_hold_says_until_when_and_why(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.closing(tab, paper)
        tab.locator("#until").fill("2026-11-30T08:00")
        tab.locator("#reason").fill("repair")
        tab.locator("#end-it").click()
        expect(tab.locator("#answer-wrong")).to_have_text("This time is over already.")
        tab.locator("#until").fill("2026-11-30T18:00")
        tab.locator("#end-it").click()

        expect(headline(tab)).to_have_text("UncertainTask takes no jobs until today 18:00")
        expect(tab.locator(".lead.gate")).to_contain_text(
            "Closed by aki since today 09:20 until today 18:00: “repair”"
        )
        (asked,) = paper.asked
        assert asked[2] == {"open": False, "until": "2026-11-30T09:00:00.000Z", "reason": "repair"}


def test_a_gate_that_failures_closed_says_in_one_sentence_who_opens_it_with_one_button(
    chrome: Browser,
) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.shut(tab, paper)

        expect(tab.locator(".lead.gate")).to_contain_text("Closed by failures in a row since")
        expect(tab.locator(".lead.gate")).to_contain_text("5 jobs failed, 4 are untried.")
        expect(tab.locator("#hero")).to_contain_text(
            "UncertainTask stays closed until somebody releases it: nothing is tried by itself."
        )
        tab.get_by_role("button", name="Release UncertainTask").click()
        dialog = tab.get_by_role("dialog", name="Release UncertainTask?")
        dialog.get_by_role("button", name="Release").click()
        expect(headline(tab)).to_contain_text("5 jobs have been waiting")


def test_a_maintenance_window_is_not_opened_by_hand(chrome: Browser) -> None:
    paper = Paper()
    window: dict[str, Any] = {
        "windowFrom": moment(1),
        "windowUntil": moment(-2),
        "windowWhy": "every Monday",
    }
    paper.lay(slots(**window))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)

        expect(headline(tab)).to_have_text("UncertainTask takes no jobs until today 11:20")
        expect(tab.locator(".lead.gate")).to_contain_text("a maintenance window")
        expect(tab.get_by_role("button", name="Release UncertainTask")).to_have_count(0)


def test_a_limit_asks_before_it_is_set_and_tells_who_set_it(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.waiting(tab, paper)
        expect(tab.locator("[name=limit]")).to_be_hidden()
        tab.locator(".changes summary").click()
        tab.locator("[name=limit]").fill("３")
        tab.get_by_role("button", name="Set the limit of UncertainTask").click()
        dialog = tab.get_by_role("dialog", name="Let at most 3 jobs into UncertainTask?")
        expect(dialog).to_contain_text("Now it is 5.")
        assert paper.asked == []
        dialog.locator("#reason").fill("less load")
        dialog.get_by_role("button", name="Set the limit").click()

        expect(tab.locator(".task")).to_contain_text("at most 3 at once")
        tab.locator(".changes summary").click()
        expect(tab.locator(".changes")).to_contain_text(
            "The limit of 3 was set by aki today 09:20: “less load”."
        )


def test_replaying_before_a_closed_gate_says_that_the_jobs_will_wait(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 2)
    closed: dict[str, Any] = {"closedUntil": moment(-5), "closedAt": moment(2), "closedBy": "kim"}
    paper.lay(slots(**closed))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.locator("#replay").click()
        expect(tab.locator("#preview .warning")).to_contain_text(
            "wait in line until it is released"
        )
        expect(tab.locator(".plan")).to_contain_text("2 jobs go into line")
        paper.then = paper.memory.machine.run
        tab.locator("#go").click()

        expect(tab.locator(".counts .line")).to_have_text("2 in line")


def test_the_trigger_asks_before_it_is_turned_on_and_tells_who_did(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.waiting(tab, paper)
        tab.get_by_role("button", name="Change whether jobs are replayed by themselves").click()
        dialog = tab.get_by_role("dialog", name="Replay jobs by themselves?")
        assert paper.asked == []
        dialog.locator("#reason").fill("it is well")
        dialog.get_by_role("button", name="Turn on").click()

        expect(tab.locator(".facts")).to_contain_text("On: jobs go back as they come")
        expect(tab.locator(".facts")).to_contain_text("by aki, today 09:20: “it is well”")


def test_a_refusal_is_told_in_the_reader_s_language(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 1)
    with paper_page(chrome, paper, locale="ja-JP") as tab:
        states.sign_in(tab)
        tab.locator(".row").wait_for()
        paper.memory.process().engines.replay(states.request(1), 10, attended=True)
        paper.memory.run()
        tab.get_by_role("button", name="order-0").first.click()

        expect(tab.locator(".single")).to_contain_text("に終わっています（完了）")


# One job


def test_a_single_job_s_outcome_stays_in_sight(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 2)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.get_by_role("button", name="Replay the job order-0").click()
        single = tab.locator(".single")
        expect(single).to_contain_text("order-0")
        expect(single.locator(".chip")).to_have_text("On its way")
        paper.memory.run()
        look_again(tab)

        expect(single.locator(".chip")).to_have_text("Finished")
        expect(tab.locator("#jobs .group.parked .row")).to_have_count(1)


def test_a_job_that_can_not_be_put_back_says_why(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 1)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.locator(".row").wait_for()
        paper.memory.process().engines.replay(states.request(1), 10, attended=True)
        paper.memory.run()
        tab.get_by_role("button", name="Replay the job order-0").click()

        expect(tab.locator(".single")).to_contain_text("has ended (finished)")
        expect(tab.locator(".single .chip")).to_have_text("Not put back")
        assert "try again" not in tab.locator(".single").inner_text()


def test_a_finished_job_is_found_by_its_key_with_its_history(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.told(tab, paper)

        expect(tab.locator(".found .row")).to_contain_text("Finished")
        expect(tab.locator(".history-of")).to_contain_text("UncertainTask began.")
        tab.locator(".history-of summary").click()
        expect(tab.locator(".history-of pre")).to_have_text('{"key": "order-0"}')


def test_a_job_has_a_page_of_its_own_with_its_story_and_who_put_it_back(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 2)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        paper.then = paper.memory.run
        states.press(tab)
        tab.locator("#ended").wait_for()
        tab.goto(f"{ADDRESS}#job=order-1")

        expect(headline(tab)).to_have_text("order-1")
        one = tab.locator(".hero.one")
        expect(one).to_contain_text("Finished")
        expect(one).to_contain_text("aki, today 09:20")
        expect(one.locator(".history-of")).to_contain_text("UncertainTask began.")
        expect(one.get_by_role("link", name="Logs")).to_have_attribute(
            "href", re.compile("cloudwatch/home.*respool-prod")
        )
        tab.get_by_role("link", name="All jobs").click()
        expect(headline(tab)).to_have_text("Nothing is waiting")


def test_a_row_leads_to_its_job_s_page_where_it_is_put_back(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 2)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.get_by_role("link", name="order-0", exact=True).click()
        paper.then = paper.memory.run
        tab.get_by_role("button", name="Replay the job order-0").click()

        expect(tab.locator(".hero.one .chip")).to_have_text("On its way")
        assert [claim.key for claim in paper.memory.waiting.values() if claim.token] != []


def test_a_key_that_nobody_has_is_said_to_be_none(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.goto(f"{ADDRESS}#job=nobody")

        expect(headline(tab)).to_contain_text("No job has this key")


def test_a_token_for_looking_sees_no_input(chrome: Browser) -> None:
    paper = Paper(kind="read")
    with paper_page(chrome, paper) as tab:
        states.told(tab, paper)

        expect(tab.locator(".history-of pre")).to_have_count(0)


def test_some_jobs_are_chosen_and_put_back(chrome: Browser) -> None:
    paper = Paper()
    states.real(paper, 3)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        for key in ("order-0", "order-2"):
            tab.get_by_role("checkbox", name=f"Choose the job {key}").check()
        tab.locator(".chosen").get_by_role("button", name="Replay these 2").click()
        expect(tab.locator("#preview .only")).to_have_text("Only the 2 jobs that you chose")
        paper.then = paper.memory.run
        tab.locator("#go").click()

        expect(tab.locator("#ended h2")).to_have_text("All 2 have finished.")
        assert [claim.key for claim in paper.memory.waiting.values()] == ["order-1"]


def test_each_of_several_tasks_has_its_button_and_a_filter(chrome: Browser) -> None:
    paper = Paper()
    first = [job(f"a-{n}", 5) for n in range(3)]
    second = [job(f"b-{n}", 4, task="Second", error="Other") for n in range(2)]
    paper.lay(*first, *second, slots(), slots(task="Second"))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        expect(tab.locator(".group.parked")).to_have_count(2)
        tab.locator("#task").select_option("Second")
        expect(tab.locator(".group.parked")).to_have_count(1)
        tab.get_by_role("button", name="Replay these 3: UncertainTask").click()

        expect(tab.locator("#preview .only")).to_have_text("Only jobs of UncertainTask")


def test_where_several_machines_are_served_each_group_names_its_own_and_they_are_filtered(
    chrome: Browser,
) -> None:
    served = FakeStage(0, Delivery.ONCE, 5, None, **SETTINGS, MACHINES="orders")
    paper = Paper(prefix="respool-memory", memory=served)
    execution = "arn:aws:states:ap-northeast-1:123456789012:execution:orders:a"
    theirs = job("a", 5, task="billing", pk="job@orders#a", execution=execution)
    paper.lay(job("b", 4, task="billing"), theirs, slots(task="billing"))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        groups = tab.locator(".group.parked")
        expect(groups).to_have_count(2)
        expect(groups.filter(has_text="orders · billing")).to_have_count(1)
        tab.locator("#machine").select_option("orders")
        expect(groups).to_have_count(1)

        groups.get_by_role("button", name="Replay").click()
        expect(tab.locator("#preview .plan li")).to_have_count(1)
        expect(tab.locator("#preview .plan .resume")).to_contain_text("1 job")


def test_of_one_machine_nobody_is_told(chrome: Browser) -> None:
    paper = Paper()
    paper.lay(job("a", 5))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        expect(tab.locator(".group.parked")).to_have_count(1)
        expect(tab.locator("#machine")).to_have_count(0)
        assert "respool-memory" not in tab.locator(".group.parked").inner_text()


def test_groups_are_sorted_as_asked_for(chrome: Browser) -> None:
    paper = Paper()
    paper.lay(job("a", 1, error="Zeta"), job("b", 1, error="Zeta"), job("c", 9, error="Alpha"))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        names = tab.locator(".group .error")
        expect(names).to_have_text(["Zeta", "Alpha"])
        tab.locator("#sort").select_option("oldest")

        expect(names).to_have_text(["Alpha", "Zeta"])


# The page itself


def test_the_stage_stands_in_the_tab_s_title_and_real_ones_look_real(chrome: Browser) -> None:
    for prefix, title, real in [
        ("respool-prod", "(12) prod: jobs waiting · respool", 1),
        ("respool-dev", "(12) dev: jobs waiting · respool", 0),
    ]:
        paper = Paper(prefix)
        with paper_page(chrome, paper) as tab:
            states.waiting(tab, paper)

            assert tab.title() == title
            expect(tab.locator("body.real")).to_have_count(real)


def test_it_says_as_of_when_in_which_zone_and_how_to_refresh(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.waiting(tab, paper)
        expect(tab.locator(".age")).to_contain_text("As of 09:20:00 (Asia/Tokyo, GMT+9).")
        paper.memory.clock.pause(61)
        tab.get_by_role("button", name="Refresh").click()

        expect(tab.locator(".age")).to_contain_text("As of 09:21:01")


def test_a_job_at_risk_is_told_at_the_top(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.at_risk(tab, paper)

        risk = tab.locator(".notice.risk")
        expect(risk).to_contain_text("order-1 on 10 December 2026")
        box = risk.bounding_box()
        assert box is not None
        assert box["y"] < 200


def test_a_year_that_is_not_this_one_is_named(chrome: Browser) -> None:
    paper = Paper()
    paper.lay(job("old", 24 * 342))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)

        expect(headline(tab)).to_contain_text("since 23 December 2025")


def test_a_span_of_times_stands_on_one_line(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.waiting(tab, paper)

        heights = tab.evaluate("[...document.querySelectorAll('.span')].map(e => e.offsetHeight)")
        assert len(heights) == 3
        assert max(heights) < 30


def test_text_that_turns_directions_is_shown_as_it_is(chrome: Browser) -> None:
    paper = Paper()
    paper.lay(job("exe\u202etxt", 1, message="<b>x</b>\u202e"))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)

        expect(tab.locator(".row .key")).to_have_text("exe‹U+202E›txt")
        assert "\u202e" not in tab.locator("main").inner_text()
        expect(tab.locator(".said blockquote")).to_have_text("<b>x</b>‹U+202E›")


def test_a_greyed_page_takes_no_presses(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.lost(tab, paper)

        assert tab.evaluate("document.getElementById('replay').closest('[inert]') !== null")
        paper.gone = False
        tab.get_by_role("button", name="Try now").click()
        expect(tab.locator(".notice.lost")).to_have_count(0)
        assert tab.evaluate("document.getElementById('replay').closest('[inert]') === null")


def test_a_message_of_what_went_wrong_goes_by_itself(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.waiting(tab, paper)
        paper.instead = lambda *_: (409, {"error": "not now"})
        tab.locator("#replay").click()
        expect(tab.locator(".notice.wrong")).to_contain_text(
            "Not possible as things stand. not now"
        )
        tab.clock.set_fixed_time(NOW.timestamp() * 1000 + 31_000)
        look_again(tab)

        expect(tab.locator(".notice.wrong")).to_have_count(0)


def test_a_token_that_is_revoked_meanwhile_locks_the_page(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.waiting(tab, paper)
        paper.known = False
        look_again(tab)

        expect(tab.get_by_role("alert")).to_contain_text("not known here, or it was revoked")
        assert tab.evaluate("sessionStorage.length") == 0
        assert "order-" not in tab.content()


@pytest.mark.parametrize(
    "pasted",
    [
        "rsp_token",
        "  rsp_token ",
        '"rsp_token"',
        "'rsp_token'",
        "`rsp_token`",
        "\u201crsp_token\u201d",
        "\u300crsp_token\u300d",
        "Bearer rsp_token",
        "bearer 'rsp_token'",
        '"Bearer rsp_token"',
        "Authorization: Bearer rsp_token",
    ],
)
def test_a_token_is_taken_as_people_paste_it(chrome: Browser, pasted: str) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        tab.locator("#token").fill(pasted)
        tab.locator("#token").press("Enter")
        tab.locator(".hero.calm").wait_for()

        assert tab.evaluate("sessionStorage.getItem('respool-token')") == "rsp_token"


def test_jobs_in_line_alone_need_nobody(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.in_line(tab, paper)

        expect(headline(tab)).to_have_text("3 jobs are in line")
        expect(tab.locator("#hero")).to_contain_text("nothing has to be done")
        expect(tab.locator("#replay")).to_have_count(0)


def test_one_running_job_that_fails_is_seen_without_a_reload(chrome: Browser) -> None:
    paper = Paper()
    paper.lay(runs("a", 1), slots({"job#a": "arn"}))
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        expect(tab.locator("#hero")).to_contain_text("1 job is in the task.")
        paper.lay(job("a", 1), slots())
        look_again(tab)

        expect(headline(tab)).to_contain_text("1 job has been waiting since today 08:20")
