"""The line at the bottom: which keys do what. It is made anew only when it offers something else."""

from textual.screen import Screen
from textual.widgets import Footer


class Keys(Footer):
    """A footer that is not made anew, widget by widget, for each change of what it does not show."""

    _offered: tuple[object, ...] | None = None

    def bindings_changed(self, screen: Screen[object]) -> None:
        """The keys of a screen may do something else now."""
        if not screen.app.app_focus:
            super().bindings_changed(screen)  # it does nothing then, and is called again
            return
        active = screen.active_bindings.values()
        offered = tuple((key.binding, key.enabled, key.tooltip) for key in active if key.binding.show)
        if offered != self._offered:
            self._offered = offered
            super().bindings_changed(screen)
