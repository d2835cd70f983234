"""The commands that the composer takes, and what each does."""

from typing import Final

STEERING: Final = {
    "/stop": "stop an answer that is being written",
    "/again": "ask for another version of an answer",
    "/now": "let an agent answer without waiting for people",
    "/why": "why an agent answered, or did not",
    "/usage": "what the agents have spent here today",
    "/ambient": "on or off: may agents speak unasked?",
    "/agent": "how agents behave here; grace 30, share 0.1, newer queue: tune that",
    "/hush": "ask the agents for quiet, for so many minutes",
    "/allow": "look at the tools an agent wants to use",
    "/deny": "do not let it use them",
    "/summon": "bring an agent in, by its name",
    "/dismiss": "send an agent away",
    "/should": "speak or quiet: mark a decision as wrong",
    "/catchup": "what happened since you have read",
}
"""What is asked of agents: about the selected message, or else the newest that may be meant."""

COMMANDS: Final = {
    "/help": "what can be done here",
    "/search": "search for the words behind it",
    "/rooms": "list the rooms, or go to one",
    **STEERING,
    "/quit": "leave",
}

WITH_WORDS: Final = ("/search", "/rooms", "/ambient", "/agent", "/hush", "/summon", "/dismiss", "/should")
"""The commands that something may follow."""
