"""Words that say nothing alone, by language: left out of BM25, and by them a text's language is told.

Written for this purpose from each language's articles, pronouns, prepositions, conjunctions, auxiliaries and question
words. `no`, `not` and their like stay searchable, and so do numbers.
"""

from typing import Final

_WORDS: Final = {
    "english": """
a an and are as at be been but by can did do does for from had has have he her his how i if in is it its me my
of on or our she so that the their them there they this to was we were what when where which who why will with
you your
""",
    "german": """
aber als am an auch auf aus bei beim bin bis bist da dann das dass dein dem den denn der des die dies diese diesem
diesen dieser dieses du durch ein eine einem einen einer eines er es für hat hatte haben hatten ich ihm ihn ihnen ihr
ihre ihrem ihren ihrer im in ins ist ja kann können man mein mit nach nur ob oder sein seine seinem seinen seiner seit
sich sie sind so über um und uns unser unter vom von vor wann war waren warum was welche welchem welchen welcher welches
wem wen wenn wer werden wessen wie wieviel wieviele wird wir wo woher wohin wurde wurden zu zum zur zwischen
""",
    "spanish": """
a al como con cuando cuál cuáles cuándo cuánto cuánta cuántos cuántas cómo de del desde donde dónde e el ella ellas
ellos en entre era eran es esa ese eso esta estaba este esto está están fue fueron ha había han hasta la las le les lo
los me mi muy más o para pero por porque qué que quien quién quiénes se ser si sido sin sobre son su sus también te
tiene tienen tu u un una uno unos y ya yo
""",
    "french": """
à au aux avec c ce ces cet cette comme comment d dans de des du elle elles en entre est et eu était étaient été être
eux fait il ils j je l la le les leur leurs lui m ma mais me mes mon n nos notre nous on ont ou où par parce pas pour
pourquoi qu quand que quel quelle quelles quels qui quoi s sa sans se ses si son sont sous sur t ta te tes ton tu un
une vos votre vous y
""",
    "italian": """
a ad agli ai al alla alle allo anche che chi ci come con cosa cui da dagli dai dal dalla dalle de degli dei del della
delle dello dove di e ed era erano essere è fra fu furono gli ha hanno i il in io la le lo loro ma nei nel nella nelle
nello o per perché più qual quale quali quando quanti quanto questa queste questi questo se si sono stata stato su sua
sue sui sul sulla sulle suo suoi tra un una uno
""",
    "portuguese": """
a ao aos as às até com como da das de dela dele do dos e ela elas ele eles em entre era eram essa esse esta estava
este está foi foram há isso isto já la lhe mais mas me na nas no nos num numa o onde os ou para pela pelas pelo pelos
por porque porquê qual quais quando quanto quantos que quem se sem ser seu seus sobre sua suas são também te tem têm
um uma você
""",
    "dutch": """
aan als bij dan dat de der deze die dit door dus een en er had hadden heb hebben heeft het hier hij hoe hoeveel hun ik
in is je kan kunnen maar me men met mijn na naar nog of om ook onder op over te tegen tot tussen uit van vanaf voor
waar waarom wanneer waren was wat welk welke werd werden wie wordt worden zich zij zijn zo zoals
""",
    "swedish": """
alla att av blev de dem den denna dessa det detta dig din du där efter eller en ett från för han har hade hon honom hur
här i inte jag kan man med mellan mig min många mycket när och också om på sig sin sina som så till under upp var
varför vad vara vem vid vilka vilken vilket är över
""",
    "danish": """
af alle at blev bliver da de dem den denne der deres det dette dig din disse du efter eller en er et for fra ham han
har havde hun hvad hvem hvilke hvilken hvilket hvis hvor hvordan hvorfor hvornår i jeg kan man med mellem men mig
mange meget nogle når og også om op over på sig sin som så til under var ved være
""",
    "norwegian": """
alle at av ble blir da de dem den denne der deres det dette dere du eller en er et etter for fra før han har hadde hun
hva hvem hvilke hvilken hvilket hvis hvor hvordan hvorfor i jeg kan kunne man med mellom men mange mye når og også om
opp over på seg sin som så til under var ved være vi
""",
    "finnish": """
ei eivät ennen että he hän ja jo joka joiden jos jossa jota jotka kanssa koska kuin kuinka kuka kun ketkä me mihin mikä
millainen milloin minkä missä mitkä mitä miten moni monta mukaan mutta myös ne niin niiden nyt oli olivat olla on ovat
sekä sen se siitä sille sitä tai tämä tämän vai vain voi
""",
    "hungarian": """
a az azt azok be csak de egy egyik ez ezek ezt el fel ha hány hogy hogyan hol honnan hova is ki kik kinek kit lehet
lesz majd meg mely melyik mennyi mert mi miért mikor milyen mint mit már nagyon nem nincs olyan s sem szerint van
vannak volt voltak és
""",
    "romanian": """
a acest această aceste acestea acești ai al ale am ar au ca care cât câte câți ce cel cele cei ceea cine cu cum când
că da de deci din dintre după e el ea ei ele era erau este eu fi fost iar în între la le lor lui mai nici niște noi nu o
ori pe pentru prin sau să se si și sub sunt său sale său un una unde unei unor unui
""",
    "turkish": """
acaba ama ancak bana bazı ben beni bir biri biz bu buna bunlar bunu da daha de değil dolayı en gibi hangi hangisi hem
hep her için ile ise kaç kadar karşı kim kimin ki mı mi mu mü nasıl ne neden nedir nerede nereye niçin niye o olan
olarak oldu olduğu olup onlar onu sonra şu tarafından ve veya ya yani
""",
    "russian": """
а без был была были было бы в вам вас весь во вот все всех вы где да для до его ее если есть еще же за и из или им их
к как какая какие каким какими каких какого какое какой каком какую кем ко когда кого который которая которые которое
кто куда ли между мне мы на над нам нас него нее них но о об он она они оно от откуда по под почему при с со сколько
так также там то того тоже том ты у уже чего чем что чтобы чья чьи эта эти это этого этой этот я
""",
    "arabic": """
في من على إلى عن مع هذا هذه ذلك تلك التي الذي الذين اللذان هو هي هم هن أن إن كان كانت كانوا يكون تكون ما ماذا متى أين
كيف كم لماذا هل أي أو ثم و لا بين عند عندما منذ حتى بعد قبل كل قد لقد إذا غير مثل لدى له لها لهم به بها فيه فيها منه
منها
""",
    "greek": """
αλλά αν από αυτά αυτή αυτό αυτός για γιατί δε είναι είχαν είχε ενώ ένα ένας έχει έχουν η ήταν θα και κατά με μετά μια
μιας να ο οι όπου όπως όταν ότι που πού πόσα πόσο πόσοι ποια ποιες ποιο ποιοι ποιος ποιους προς πριν πώς σε στα στη
στην στις στο στον στους τα τη την της τι τις το τον του τους των ως
""",
}

STOPWORDS: Final = {language: frozenset(words.split()) for language, words in _WORDS.items()}
ENGLISH: Final = STOPWORDS["english"]
LATIN: Final = tuple(language for language in _WORDS if language not in {"russian", "arabic", "greek"})
"""The languages that share the Latin script; English first."""
