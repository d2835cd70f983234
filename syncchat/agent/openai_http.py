"""The HTTP client for one call of a model; imported when a call is made, as it is slow to load."""

import ssl
from collections.abc import AsyncIterator

import httpx2
from openai import DefaultAsyncHttpxClient

from syncchat.agent.openai_failures import CallFailed


class _Bounded(httpx2.AsyncByteStream):
    """The bytes of a response, and no more than `left` of them."""

    def __init__(self, stream: httpx2.AsyncByteStream, left: int) -> None:
        self._stream = stream
        self._left = left

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise CallFailed("the model's server sent too much", reached=True)
            yield chunk

    async def aclose(self) -> None:
        """Close the connection's stream."""
        await self._stream.aclose()


def make_client(tls: ssl.SSLContext, most: int) -> httpx2.AsyncClient:
    """A client that reads at most `most` bytes of a response, uncompressed.

    It follows no redirect: the conversation goes to the address that the settings name, and to no other.
    """

    async def bound(response: httpx2.Response) -> None:
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream, most)

    return DefaultAsyncHttpxClient(
        verify=tls,
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [bound]},
    )
