"""Small words of other languages than English by which people greet, thank, object, ask, and want quiet.

No language is understood by them. They keep an agent from answering thanks, and let it hear its name and that
it is to be quiet. All of it is in lower case, as `cues.folded` gives a text.
"""

import re

from syncchat.agent.vocabulary import vocabulary

_THANKS = (
    "danke|danke dir|danke schön|dankeschön|vielen dank|besten dank|super|passt|alles klar|verstanden|"
    "genau|stimmt|klar|jo|ja|nee|ach so|achso|ah so|mega|erledigt|perfekt|läuft|geschafft|gern|gerne|prima|"
    "bitte|"
    "gracias|muchas gracias|mil gracias|genial|vale|perfecto|de acuerdo|entendido|sí|claro|listo|estupendo|"
    ""
    "de nada|merci|merci beaucoup|merci bcp|d'accord|parfait|génial|compris|oui|top|c'est bon|ça marche|"
    "nickel|de rien|dank je|dank je wel|dankjewel|bedankt|oké|duidelijk|gelukt|goed zo|"
    "grazie|grazie mille|perfetto|va bene|ottimo|capito|sì|"
    "obrigado|obrigada|valeu|beleza|perfeito|ótimo|sim|"
    "dzięki|dzięki wielkie|dziękuję|jasne|tak|děkuji|díky|"
    "teşekkürler|teşekkür ederim|sağ ol|sağol|tamam|evet|süper|"
    "tack|tack så mycket|takk|tusen takk|tak|mange tak|kiitos|köszi|köszönöm|"
    "спасибо|большое спасибо|понятно|ясно|ок|да|"
    "ありがとう|ありがとうございます|了解|了解です|なるほど|谢谢|好的|明白了|收到|감사합니다|고마워요|네"
)
THANKS = frozenset(_THANKS.split("|"))
"""What acknowledges; phrases of up to four words."""

FILLERS = vocabulary(
    "dir euch sehr doch schon auch und für die den hilfe noch mal wirklich por la el tu ayuda muy y bcp toi "
    "beaucoup bien pour l'aide ton aide c'est ça très à vous je wel hoor mil mille molto muito bardzo "
    "wielkie vielen muchas çok så mycket"
)
"""What may stand beside it."""

THANK = r"merci|danke|gracias|grazie|obrigad[oa]|bedankt|dzięki|tack|takk|teşekkürler|спасибо"
"""The words of thanks themselves, as the source of a pattern."""

OBJECTS = re.compile(
    r"\b(?:stimmt (?:so )?nicht|falsch|bist du (?:dir )?sicher|quatsch|nicht richtig|geht nicht|"
    r"kann nicht (?:sein|stimmen)|no es (?:correcto|cierto|verdad|así)|está mal|incorrecto|no funciona|"
    r"c'est faux|faux|c'est pas|n'est pas|t'es sûr|tu es sûr|pas correct|marche pas|"
    r"klopt niet|klopt dat|fout|weet je het zeker|werkt niet|"
    r"sbagliato|non è (?:vero|giusto|corretto)|sei sicuro|errado|não é|tens a certeza|"
    r"nieprawda|błąd|nie działa|неправильно|неверно)\b"
)
"""What doubts an answer."""

CLUELESS = (
    r"keine ahnung|weiß (?:ich |es )?(?:auch )?nicht|ni idea|no (?:lo )?sé|aucune idée|je ne sais pas|"
    r"geen idee|boh|non (?:lo )?so|não sei|nie wiem|не знаю"
)
"""What somebody says who does not know either, as the source of a pattern."""

ASKS = re.compile(
    r"(?:weiß|weiss|kennt|hat|kann) (?:jemand|wer)\b|wie (?:kann|geht|macht|viel|lange)\b|"
    r"alguien (?:sabe|conoce|puede|tiene)\b|cómo (?:puedo|se)\b|"
    r"quelqu'un (?:sait|connaît|peut|a)\b|comment (?:faire|on|je|puis)\b|"
    r"weet (?:iemand|er iemand)\b|hoe (?:kan|moet|doe)\b|qualcuno (?:sa|ha|può)\b|alguém (?:sabe|tem|"
    r"pode)\b|"
    r"czy ktoś\b|jak (?:mogę|się)\b|кто-нибудь\b"
)
"""What asks at the start of a text, also without a question mark."""

CONTINUES = r"und|aber|oder|pero|et|mais|maar|ale|ve|och|og|но"
"""What goes on with what was said before, as the source of a pattern."""

QUIET = (
    r"(?:ruhig|still|leise) (?:sein|bleiben)|"
    r"sei (?:bitte )?(?:mal |jetzt )*(?:still|ruhig|leise)|halte? (?:bitte )?(?:mal )?(?:die klappe|"
    r"den mund|dich (?:da )?raus)|(?:antworte|schreib|sag|rede|antworten) (?:bitte |jetzt )*(?:nicht|"
    r"nichts)|halt dich zurück|"
    r"cállate|callate|no (?:respondas|contestes|hables|digas)|deja de (?:hablar|responder|contestar|"
    r"escribir)|déjanos|"
    r"tais[- ]toi|taisez[- ]vous|la ferme|ne (?:réponds|dis|parle|écris) (?:plus|pas|rien)|laisse[- ]nous|"
    r"wees (?:even |eens )?stil|hou (?:je mond|je stil)|zwijg|niet (?:antwoorden|reageren)|"
    r"stai zitto|non rispondere|cala(?: a boca|-te|te)|fica quiet[oa]|"
    r"bądź cicho|zamknij się|sessiz ol|var tyst|vær stille|hold kjeft|молчи|замолчи|黙って|闭嘴"
)
"""What asks for quiet, as the source of a pattern."""

QUIET_ALONE = (
    r"ruhe|klappe|schweig|hör auf|höre auf|nicht jetzt|calla|silencio|basta|ahora no|chut|arrête|"
    r"pas maintenant|stil|hou op|nu niet|zitto|taci|silenzio|smetti|silêncio|cicho|przestań|sus|tyst|"
    r"тихо|хватит|静かに|安静|조용히"
)
"""What asks for quiet if it is all that is said, as the source of a pattern."""

BESIDE_QUIET = (
    r"bitte|mal|jetzt|endlich|por favor|ya|un rato|s'il te plaît|svp|stp|maintenant|even|nu|eens|alsjeblieft|"
    r"per favore|adesso|agora|proszę|teraz|пожалуйста|lütfen"
)
"""What may be said beside a request for quiet, as the source of a pattern."""

ASKED = vocabulary(
    "bitte was wie wo wann warum wieviel welche welcher kannst könntest weißt hast sag erklär hilf "
    "porfa qué que cómo cuánto cuántos cuándo dónde puedes podrías sabes dime ayuda "
    "quel quelle combien comment pourquoi quand peux pourrais sais dis aide "
    "quanto quanti come dove quando perché puoi potresti sai dimmi quantos onde porque pode podes sabe diga "
    "hoe waar wanneer waarom kun kan weet zeg jak ile gdzie możesz"
)
"""What one is asked by behind one's name, without a mark."""

GREETINGS = vocabulary(
    "salut bonjour bonsoir coucou hallo moin servus na guten tag morgen abend danke bitte hola oye buenas "
    "buenos días gracias merci hoi goedemorgen bedankt ciao buongiorno salve senti grazie olá oi bom dia "
    "cześć hej dzień dobry merhaba selam привет ach also tja alors allora pues bueno mira hé ey eh"
)
"""What may stand before a name that is called."""
