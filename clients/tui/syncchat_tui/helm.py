"""What keys and commands about agents do on the screen: notices, panels, and the way to messages."""

from collections.abc import Callable

from textual.app import App

from syncchat.errors import SyncchatError
from syncchat_tui import telling_panel as telling
from syncchat_tui.approval_panel import Approval
from syncchat_tui.catch_up_panel import CatchUpPanel
from syncchat_tui.catching_up import NO_SERVER, OFFLINE, CatchesUp
from syncchat_tui.conversation import Conversation
from syncchat_tui.steering import Steering, proposed


class Helm:
    """Carries out wishes about the agents of a conversation, on the screen of `app`.

    `online` is whether the server is reached; `catching_up` is asked for what was missed, if it is there.
    """

    def __init__(
        self,
        app: App[int],
        conversation: Callable[[], Conversation],
        *,
        online: Callable[[], bool],
        catching_up: CatchesUp | None,
    ) -> None:
        self._app = app
        self._conversation = conversation
        self._online = online
        self._catching_up = catching_up

    def do(self, verb: str, words: str = "") -> bool:
        """Do what a key or a command says; False, with the reason told, if it cannot be done like that."""
        try:
            notice = self._do(verb, words)
        except SyncchatError as error:
            self._app.notify(str(error), severity="warning", markup=False)
            return False
        if notice:
            self._app.notify(notice, markup=False)
        return True

    @property
    def _steering(self) -> Steering:
        return self._conversation().steering

    def _do(self, verb: str, words: str) -> str:
        steering = self._steering
        match verb:
            case "stop":
                return steering.stop()
            case "again":
                return steering.again()
            case "now":
                return steering.now()
            case "deny":
                return steering.deny()
            case "ambient":
                return steering.ambient(words)
            case "agent":
                return steering.agent(words)
            case "hush":
                return steering.hush(words)
            case "summon":
                return steering.summon(words)
            case "dismiss":
                return steering.dismiss(words)
            case "should":
                return steering.should(words)
            case _:
                return self._show(verb)

    def _show(self, verb: str) -> str:
        steering = self._steering
        match verb:
            case "allow":
                self._allow()
            case "cited":
                self._conversation().go_to(steering.go_cited())
            case "why":
                self._why()
            case "usage":
                question = steering.ask_usage()
                self._app.push_screen(telling.usage_panel(self._conversation().room, question, self._waiting))
            case _:
                self._catch_up()
        return ""

    def _allow(self) -> None:
        steering = self._steering
        message = steering.proposing()
        if message is None:
            self._app.notify(steering.no_proposal, severity="warning", markup=False)
            return
        numbers = [number for number, _ in proposed(message)]

        def decide(verb: str | None) -> None:
            if verb is not None:
                self._app.notify(steering.decide(message.id, verb, numbers), markup=False)

        self._app.push_screen(Approval(message.user, [call for _, call in proposed(message)]), decide)

    def _why(self) -> None:
        steering = self._steering
        id = steering.questioned()
        room = self._conversation().room
        if room.may_write:
            steering.ask_why(id)
        self._app.push_screen(telling.why_panel(room, id, steering.named(id), self._waiting))

    @property
    def _waiting(self) -> str:
        if not self._online():
            return telling.OFFLINE
        return telling.ASKING if self._steering.agents else telling.NOBODY

    def _catch_up(self) -> None:
        if self._catching_up is None or not self._online():
            notice = NO_SERVER if self._catching_up is None else OFFLINE
            self._app.notify(notice, severity="warning", markup=False)
            return
        conversation = self._conversation()

        def lead(id: str | None) -> None:
            if id is not None:
                conversation.go_to(id)

        self._app.push_screen(
            CatchUpPanel(self._catching_up, conversation.room.name, conversation.left), lead
        )
