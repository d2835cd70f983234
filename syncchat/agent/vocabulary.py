"""The words by which the agent tells a call, a thing that is named, and small talk apart."""


def vocabulary(words: str) -> frozenset[str]:
    """The words of a text, to look others up in."""
    return frozenset(words.split())


GREETINGS = vocabulary(
    "hey hi hello yo dear ok okay so and but well no yes yeah yep nope oh ah sorry please right actually "
    "thanks thank thx ty cheers you again good morning evening welcome great nice cool lol hmm also btw "
    "there listen look quick question alright um uh er erm dude"
)
WARM = vocabulary(
    "salut bonjour hallo hola ciao merhaba moin servus danke merci gracias grazie "
    "hey hi hello yo dear thanks thx ty cheers sorry welcome morning evening you"
)
"""Greetings after which a name needs no comma."""

EVERYBODY = vocabulary("all everyone everybody here channel room anyone anybody folks guys team")
NOT_CALLED = EVERYBODY | vocabulary(
    "a an the i it is are was what how why who when where which do does did can could would should there "
    "this that these those if then my your we they he she any some one not just now for to of in on"
)
"""Words that call nobody without a colon or an @, whatever people name themselves."""

HEADINGS = vocabulary(
    "note notes edit error errors warning ps fyi re q a question answer update todo info hint tip example "
    "eg ie problem issue summary tldr http https ftp file output input result results step name subject "
    "date time title version user password debug fatal usage solution bug also here this is it following"
)
"""What stands before a colon and is nobody's name."""

ASKS = vocabulary(
    "what how why who when where which what's who's where's when's how's please pls plz tell show explain "
    "help list find give remind translate summarize summarise sum"
)

WANTED = vocabulary(
    "add calculate choose compare compute continue convert count create define describe divide do draft draw "
    "expand fetch figure find fix flip forget format generate go google guess ignore let look make multiply "
    "pick ping post put read recommend remember remove rephrase rewrite roll round say search send set "
    "shorten simplify solve sort spell split stop subtract suggest turn wait write"
)
"""What one is told to do after one's name: who is talked about `writes`."""

SAYS_TO = vocabulary(
    "i i'm im i've ive i'd i'll it it's its you your you're youre ur u we that that's this there thanks "
    "thank thx ty ok okay yes no try use check just my not don't and but so if also because sorry run "
    "type"
)
"""What often follows a name that is called, and seldom one that is talked about."""

SAYS_OF = vocabulary(
    "is isn't was wasn't has hasn't had does doesn't did didn't will won't would could can can't cannot "
    "said says and or seems keeps needs wants should went never always gets got thinks told uses used "
    "made makes are"
)
BEFORE_A_THING = vocabulary(
    "the a an my your our his her their these of by from with in on at to for about like as is "
    "are was use using used run running install installed and or via called named than into restart start"
)
"""After these a name at the end is a thing or somebody who is talked about."""
TALKS_OF = vocabulary(
    "ask asked asking tell told telling see saw meet met call called know knew like love thank thanks me him "
    "her them us you it ping pinged paged blame trust hear heard meet met i'm im am named"
)
"""After these, too, a name is somebody who is talked about."""

OPENERS = vocabulary(
    "arg argh ah aha alas also although and anyway anyways besides but btw cool damn dear exactly fine "
    "folks fyi good great guys ha haha hello hey hi hm hmm however if imho imo indeed interesting lol "
    "look maybe meanwhile nah nevermind next nice no nope now oh ok okay oops or otherwise perfect "
    "perhaps please question quick right say see so sorry still sure thanks thx then therefore though "
    "true tbh ugh uh um wait well what whatever when while wow yeah yep yes yet yup today tomorrow "
    "yesterday tonight first second third last again currently sometimes help everything nothing there "
    "here where who why how which whose whom because since as at by in on for from with without to of off "
    "up down out is are was were be been being am do does did done have has had having can could will "
    "would shall should may might must not only just very really too even ever never always i you he she "
    "it we they me him her us them my your his its our their mine yours a an the this that these those "
    "some any all each every both few many more most other such same own than until after before during "
    "let let's lets got get getting want need trying try using anyone anybody someone somebody everyone "
    "everybody nobody people team channel room world list one two three"
)
"""Words that a message often begins with, and that are nobody's name."""

YOUR_TURN = vocabulary(
    "you think say mean know suggest recommend me us doing there here out now please pls again today up "
    "maybe too then"
)
"""`what do you think name?`: after these a name at the end of a question to `you` is called."""
