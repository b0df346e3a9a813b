"""What a mistake is: wrong laws at chosen places of a network, under a code, with a page that explains it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bpcompare.laws import LAWS, Laws
from bpcompare.laws.law import At
from bpcompare.network import Network
from bpcompare.ops.op import Op

Places = Callable[[Network, Laws], Mapping[str, Any]]
"""places(network, right laws) → the wrong law by owner; empty where the mistake cannot be made in this network."""


ALONE = 64
"""At a fork of more consumers than these, a mistake is tried at all of them only: one by one takes the square of the time."""

STATEMENTS = {
    "1": "base case: Δ = −∂E/∂in at the output",
    "2": "inductive step: Δ_j = −∂E/∂in_j, from the Δ of the nodes that j feeds",
    "3": "gradient: −∂E/∂w_ij = a_i Δ_j, summed over examples and uses",
    "4": "update: the rule that the spec names, w ← w + η a Δ the simplest",
    "5": "forward pass: in, a, E and running statistics are what the spec says they are",
}
"""The statements of the proof, by the first digit of the codes of mistakes that break them."""


@dataclass(frozen=True)
class Form:
    """One of several forms of a mistake, in words that say which: "ε = 1e-06". It is a `Places` itself."""

    words: str
    places: Places

    def __call__(self, network: Network, laws: Laws) -> Mapping[str, Any]:
        """As its places."""
        return self.places(network, laws)


class Memory:
    """What a law saw in the step before, for mistakes that read from there. Within a step every answer is the same."""

    def __init__(self) -> None:
        self._before: dict[Any, Any] = {}
        self._now: dict[Any, Any] = {}

    def recall(self, key: Any) -> Any:
        """What was kept under `key` in the step before; None in the first."""
        return self._before.get(key)

    def keep(self, key: Any, value: Any) -> Any:
        """Keep `value` for the next step, and hand it back."""
        self._now[key] = value
        return value

    def begin(self) -> None:
        """A run begins: nothing was seen before it."""
        self._before, self._now = {}, {}

    def next_step(self) -> None:
        """The step is over."""
        self._before, self._now = self._now, {}


@dataclass(frozen=True)
class Mistake:
    """A wrong formula that people really write.

    `places` gives the wrong laws, `others` further forms of the same mistake that the diagnosis recognizes. `premise` is for
    mistakes that read a right formula's input from the wrong place: a claim's premise path to the path it was read from.
    In a `family`, the `others` are the values of one thing, and the first form is among them.
    `formats` are narrower formats, with their significant bits, that a whole step may have been computed in.
    A mistake that only a second step can show has laws with a `Memory`; who goes through steps tells the
    table (`begin`, `next_step`).
    `wrong` and `right` are the two formulas, `page` says in prose why people write it and how to put it right.
    """

    code: str
    title: str
    wrong: str
    right: str
    page: str
    places: Places
    others: tuple[Places, ...] = ()
    family: bool = False
    formats: Mapping[str, int] = field(default_factory=dict)
    premise: Callable[[Network, str], str] | None = None

    @property
    def breaks(self) -> str:
        """The statement of the proof that it breaks."""
        return STATEMENTS[self.code[2]]

    def applies(self, network: Network) -> bool:
        """Whether the mistake can be made in this network."""
        return bool(self.places(network, LAWS))

    def laws(self, network: Network, laws: Laws = LAWS, only: str | None = None) -> Sabotaged:
        """`laws` with this mistake at all its places, or at `only` one: an owner, or a parameter whose gradient it spoils."""
        places = self.places(network, laws)
        if only is None:
            return Sabotaged(laws, places)
        if only in places:
            return Sabotaged(laws, {only: places[only]})
        return Sabotaged(laws, at_parameter(network, only, places, laws) if only in network.parameters else {})

    def spots(self, network: Network, laws: Laws = LAWS) -> tuple[str, ...]:
        """Every single place where it can be made alone: its owners, and the parameters whose gradients it spoils."""
        places = self.places(network, laws)
        parameters = (name for name in network.trainable if name not in places and at_parameter(network, name, places, laws))
        return (*places, *parameters)

    def at_each_parameter(self, network: Network, laws: Laws = LAWS) -> Iterator[tuple[str, Sabotaged]]:
        """Every form of the mistake at one parameter alone (its gradient or its update), all other parameters right.

        Where a layer has one parameter only, this is the mistake at that layer, and is given all the same.
        """
        for places in (self.places, *self.others):
            found = places(network, laws)
            for name in network.trainable:
                mine = {name: found[name]} if name in found else at_parameter(network, name, found, laws)
                if mine:
                    yield name, Sabotaged(laws, mine, getattr(places, "words", ""))

    def forms(self, network: Network, owners: frozenset[str], laws: Laws = LAWS) -> Iterator[Sabotaged]:
        """Every form of the mistake that touches one of `owners`: at all its places, then, if they are few, at each alone."""
        for places in (self.places, *self.others):
            found = {owner: law for owner, law in places(network, laws).items() if owner in owners}
            words = getattr(places, "words", "")
            if found:
                yield Sabotaged(laws, found, words)
            if 1 < len(found) <= ALONE:
                for owner, law in found.items():
                    yield Sabotaged(laws, {owner: law}, words)


class Sabotaged(Laws):
    """A table of laws with other laws at some owners; `words` say which form of a mistake they are, where there are several."""

    def __init__(self, laws: Laws, wrong: Mapping[str, Any], words: str = "") -> None:
        super().__init__(laws.ops, laws.updates)
        self._laws = laws
        self._wrong = wrong
        self.words = words

    @property
    def replaced(self) -> frozenset[str]:
        """The methods of laws that are other ones somewhere."""
        return frozenset().union(*(law.replaced for law in self._wrong.values() if isinstance(law, Altered)))

    @property
    def owners(self) -> Collection[str]:
        """Where the laws are other ones."""
        return self._wrong.keys()

    @property
    def remembers(self) -> bool:
        """Whether a law reads from the step before, so that the first step is right."""
        wrong = self._wrong
        laws = wrong.values() if not isinstance(wrong, Everywhere) else [next(iter(wrong.values()), None)]  # one maker's
        return any(isinstance(law, Altered) and law.memory is not None for law in laws)

    @property
    def _memories(self) -> list[Memory]:
        """Of a law that is not made yet nothing was seen, and nothing is to be forgotten."""
        laws = self._wrong.made if isinstance(self._wrong, Everywhere) else self._wrong.values()
        return [law.memory for law in laws if isinstance(law, Altered) and law.memory is not None]

    def begin(self) -> None:
        """A run begins, perhaps one of several with the same laws: what was seen in another is no part of it."""
        for memory in self._memories:
            memory.begin()

    def next_step(self) -> None:
        """The step is over: what was seen in it is what the next one may read."""
        for memory in self._memories:
            memory.next_step()

    def of(self, owner: str, op: Op) -> Any:
        """The wrong law at `owner`, or the right one."""
        return self._wrong.get(owner) or self._laws.of(owner, op)

    def update(self, owner: str, op: Any) -> Any:
        """Likewise for an update rule."""
        return self._wrong.get(owner) or self._laws.update(owner, op)


class Altered:
    """A law with some of its methods replaced; all others are the right law's.

    `spoils`: the roles whose gradients are wrong. `memory`: what it keeps from step to step, a memory of its own. `replaced`:
    the names of the methods.
    """

    def __init__(self, law: Any, spoils: Iterable[str] = (), memory: Memory | None = None, **methods: Callable[..., Any]) -> None:
        self.law = law
        self.spoils = frozenset(spoils)
        self.memory = memory
        self.replaced = frozenset(methods)
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.law, name)


def at_parameter(network: Network, parameter: str, places: Mapping[str, Any], laws: Laws) -> Mapping[str, Any]:
    """The wrong laws of `places` that give a gradient of `parameter`, right for the other parameters of their layers."""
    roles: dict[str, set[str]] = {}
    for name, role in network.uses[parameter]:
        wrong = places.get(name)
        if isinstance(wrong, Altered) and role in wrong.spoils:
            roles.setdefault(name, set()).add(role)
    owner = f"{parameter}.penalty"
    own = {owner: places[owner]} if owner in places else {}

    def one(wrong: Any, right: Any, mine: set[str]) -> Any:
        def gradient(at: At[Any]) -> Any:
            return (wrong if at.role in mine else right).gradient(at)

        return Altered(right, mine, wrong.memory, gradient=gradient)

    return own | {name: one(places[name], laws.of(name, network.layers[name].op), mine) for name, mine in roles.items()}


class Everywhere(Mapping[str, Any]):
    """The wrong laws at all owners that could have one, each made by `make` when it is asked for; none where that gives None.

    Of ten thousand nodes one is enough to show most mistakes. `could` says whether an owner's op is one of those meant.
    """

    def __init__(self, owners: Callable[[], Iterator[str]], could: Callable[[str], bool], make: Callable[[str], Any]) -> None:
        self._owners, self._could, self._make = owners, could, make
        self._known: dict[str, Any] = {}

    @property
    def made(self) -> list[Any]:
        """The laws that were made so far."""
        return [law for law in self._known.values() if law is not None]

    def get(self, owner: str, default: Any = None) -> Any:
        """The wrong law at an owner, or `default`."""
        if owner not in self._known:
            if not self._could(owner):
                return default
            self._known[owner] = self._make(owner)
        law = self._known[owner]
        return default if law is None else law

    def __getitem__(self, owner: str) -> Any:
        law = self.get(owner)
        if law is None:
            raise KeyError(owner)
        return law

    def __contains__(self, owner: object) -> bool:
        return isinstance(owner, str) and self.get(owner) is not None

    def __iter__(self) -> Iterator[str]:
        return (owner for owner in self._owners() if self.get(owner) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None


def at_layers(make: Callable[[Network, str, Any], Any], *ops: type[Op]) -> Places:
    """Places at every layer whose op is one of `ops`: make(network, layer name, right law) is the wrong law, or None."""

    def places(network: Network, laws: Laws) -> Mapping[str, Any]:
        kinds = frozenset(kind for kind in network.kinds if issubclass(kind, ops))
        layers = network.layers
        return Everywhere(
            lambda: (name for name in network.order if type(layers[name].op) in kinds) if kinds else iter(()),
            lambda name: name in layers and type(layers[name].op) in kinds,
            lambda name: make(network, name, laws.of(name, layers[name].op)),
        )

    return places


def at_activations(make: Callable[[Network, str, Any], Any], *ops: type[Op]) -> Places:
    """Likewise at every layer whose activation is one of `ops`."""

    def places(network: Network, laws: Laws) -> Mapping[str, Any]:
        kinds = frozenset(kind for kind in network.kinds if issubclass(kind, ops))
        layers = network.layers

        def layer(owner: str) -> str:
            return owner.removesuffix(".g")

        return Everywhere(
            lambda: (f"{name}.g" for name in network.order if type(layers[name].g) in kinds) if kinds else iter(()),
            lambda owner: owner.endswith(".g") and layer(owner) in layers and type(layers[layer(owner)].g) in kinds,
            lambda owner: make(network, layer(owner), laws.of(owner, layers[layer(owner)].g)),
        )

    return places


def at_error(make: Callable[[Network, Any], Any], *ops: type[Op]) -> Places:
    """Likewise at the error."""

    def places(network: Network, laws: Laws) -> Mapping[str, Any]:
        op = network.error.op
        law = make(network, laws.of("error", op)) if isinstance(op, ops) else None
        return {} if law is None else {"error": law}

    return places


def at_updates(make: Callable[[Network, str, Any], Any], *ops: type[Op]) -> Places:
    """Likewise at every trainable parameter, if the update rule is one of `ops`."""

    def places(network: Network, laws: Laws) -> Mapping[str, Any]:
        if not isinstance(network.update, ops):
            return {}
        free = frozenset(network.trainable)
        return Everywhere(
            lambda: iter(network.trainable),
            free.__contains__,
            lambda name: make(network, name, laws.update(name, network.update)),
        )

    return places


def stepping(
    wrong: Callable[..., Any], *ops: type[Op], needs: Callable[[Network, Any], bool] = lambda _network, _op: True
) -> Places:
    """Another new parameter: wrong(law, at)."""
    everywhere = at_updates(lambda _network, _name, law: Altered(law, parameter=lambda at: wrong(law, at)), *ops)

    def places(network: Network, laws: Laws) -> Mapping[str, Any]:
        meant = isinstance(network.update, ops) and needs(network, network.update)
        return everywhere(network, laws) if meant else {}

    return places


def examples(network: Network) -> int:
    """Examples in a batch."""
    return network.training.batch or len(network.data)
