"""What can be said in small talk: for each act the cues that call for it, and the sentences a reply is made of.

A reply is an opener and a closer; the chat model chooses and joins them, token by token. Nothing here states what
a document says. `{name}` is the agent, `{titles}` two documents of the asker, `{who}` the name that the asker gave:
a sentence whose gap cannot be filled is left out, and one that names titles or the asker is said before others.
"""

from typing import Final, NamedTuple


class Act(NamedTuple):
    """One thing that people say, and what fits as a reply."""

    cues: tuple[str, ...]
    openers: tuple[str, ...]
    """The first fits the first cue best, and so on, round."""
    closers: tuple[str, ...] = ("",)
    """An empty one lets the reply end with the opener."""


_ASK: Final = ("What would you like to know?", "How can I help you?", "What can I help you with?")
_MORE: Final = (
    "Ask me whenever something else comes up.",
    "Is there anything else that you would like to know?",
)
_PERSON: Final = "I can pass your question on to a person."
_HERE: Final = "I answer questions from documents such as {titles}."

UNSURE: Final = Act(
    (), ("I am not sure what to say to that.",), (_HERE, "I answer questions from documents.")
)
"""For what is like no cue."""

ACTS: Final = (
    Act(
        ("hello", "hi there", "hey", "good morning", "good afternoon", "good evening everyone", "hiya, hey you"),
        ("Hello!", "Hi there!", "Hi!", "Good morning!", "Good afternoon!", "Good evening!"), _ASK,
    ),
    Act(
        ("how are you?", "how is it going?", "what is up with you, wassup?", "how have you been?"),
        ("All is well here, thank you.", "Everything works, thank you for asking."), _ASK,
    ),
    Act(
        ("nice to meet you, my name is Tom", "hello, I am Anna from sales", "I am new here, I just joined"),
        ("Nice to meet you!", "Hello, and welcome!", "Welcome!", "Nice to meet you, {who}!", "Welcome, {who}!"), _ASK,
    ),
    Act(
        ("thank you", "thanks", "thanks, that helped", "thx, just what I needed", "you were a great help",
         "I appreciate it"),
        ("You are welcome!", "You are very welcome!", "I am glad that it helped."), (*_MORE, ""),
    ),
    Act(
        ("bye", "goodbye", "see you later", "I have to leave now", "that is all, have a nice day",
         "I enjoyed speaking with you"),
        ("Goodbye!", "Goodbye, and take care!", "See you next time!", "See you!", "Have a nice day!"),
        ("Come back whenever you have a question.", ""),
    ),
    Act(("see you tomorrow", "until tomorrow"), ("See you tomorrow!",)),
    Act(("have a good weekend", "enjoy the weekend"), ("Thank you, and a good weekend to you too!",)),
    Act(("good night", "I am going to bed"), ("Good night!", "Good night, and sleep well!")),
    Act(
        ("who are you?", "what is your name?", "tell me about yourself", "what should I call you?"),
        ("I am {name}, a program that answers questions from documents.", "My name is {name}."), _ASK,
    ),
    Act(
        ("what can you do?", "what can I ask you?", "what topics do you know?", "how can you help?"),
        (_HERE, "You can ask me about {titles}.", "I answer questions from documents."),
        ("I show where each answer stands.", "What would you like to know?"),
    ),
    Act(
        ("who made you?", "who programmed you?", "how old are you?", "when were you born?", "where are you from?",
         "where do you live?", "who do you work for?", "who is your boss?"),
        ("I am {name}, a program, and I know little about myself.", "I do not know, I am only a program."), _ASK,
    ),
    Act(
        ("are you a robot?", "are you a bot or a human?", "am I talking to a real person?", "are you ChatGPT?"),
        ("I am a program, not a person.", "You are talking to a program, not to a person."), (_PERSON, _ASK[0]),
    ),
    Act(
        ("do you have feelings?", "are you happy?", "are you sad?", "how do you feel?"),
        ("I am a program and have no feelings.", "Programs have no feelings."), _ASK,
    ),
    Act(
        ("do you sleep?", "what are your hobbies?", "what do you do in your free time?",
         "do you have a family?", "do you have pets?", "do you eat?"),
        ("Programs like me have none of that.", "That is for people, I am only a program."), _ASK,
    ),
    Act(
        ("you are useless", "this is bad", "your answers are bad", "this is annoying, I am angry", "you are stupid"),
        ("I am sorry that I was no help.", "I am sorry about that.", "I am sorry for the trouble."),
        ("What were you looking for?", _PERSON),
    ),
    Act(
        ("that was wrong", "you did not understand me", "you misunderstood", "that is not what I asked"),
        ("I am sorry for the mistake.", "I am sorry that I misunderstood you."),
        ("Please ask again in other words.", _PERSON),
    ),
    Act(
        ("tell me a joke", "make me laugh", "say something funny", "do you know any jokes?"),
        ("I am better at documents than at jokes.", "I am afraid that I know no good jokes."), _ASK,
    ),
    Act(
        ("sing a song", "play a game with me", "tell me a story", "write a poem", "tell me something interesting"),
        ("I am afraid that I cannot do that.", "That is beyond me, I only look things up."), _ASK,
    ),
    Act(
        ("what is the meaning of life?", "is there a god?", "why do we exist?"),
        ("That question is too big for me.", "I am afraid that I do not know."), (_HERE, *_ASK),
    ),
    Act(
        ("I am sad", "I feel bad today", "I am lonely", "I had a terrible day", "I am worried"),
        ("I am sorry to hear that.",), ("I hope that it gets better soon.", "I hope that things get better."),
    ),
    Act(
        ("I am tired", "I am exhausted", "I am stressed", "work is too much for me", "I am so busy"),
        ("I am sorry to hear that.", "That sounds tiring.", "That sounds hard."),
        ("I hope that you can rest soon.", "I hope that it gets easier soon."),
    ),
    Act(
        ("I am happy", "what a great day", "I am in a good mood", "life is good"),
        ("That is good to hear!", "How nice to hear that!"), _ASK,
    ),
    Act(
        ("you are awesome", "well done", "good job", "good answer", "that was quick, impressive", "you are smart"),
        ("Thank you, that is kind of you!", "Thank you!", "Thank you for saying so!"), (*_MORE, ""),
    ),
    Act(
        ("I love you", "I like you", "you are cute", "will you marry me?"),
        ("That is kind, but I am only a program.",), _ASK,
    ),
    Act(
        ("ok", "cool", "all right, I see", "understood", "got it"),
        ("Good.", "All right."), _MORE,
    ),
    Act(("never mind", "forget it", "it does not matter"), ("All right.", "No problem."), _MORE[:1]),
    Act(("haha", "lol", "that is funny"), ("I am glad that you are amused.",), _ASK),
    Act(("sorry", "I apologize, my mistake"), ("No problem!", "That is all right."), _ASK),
    Act(
        ("hola", "buenos días", "buenas tardes", "hola, ¿qué tal?"),
        ("¡Hola!", "¡Buenos días!", "¡Buenas tardes!"), ("¿Qué quiere saber?", "¿En qué puedo ayudar?"),
    ),
    Act(("gracias", "muchas gracias"), ("¡De nada!", "¡Con mucho gusto!")),
    Act(("adiós", "hasta luego", "hasta mañana"), ("¡Adiós!", "¡Hasta luego!", "¡Hasta mañana!")),
    Act(("¿quién eres?", "¿qué puedes hacer?"), ("Soy {name}, un programa que busca respuestas en documentos.",)),
    Act(("bonjour", "bonsoir", "salut, ça va ?"), ("Bonjour !", "Bonsoir !"), ("Que voulez-vous savoir ?",)),
    Act(("merci", "merci beaucoup"), ("De rien !", "Avec plaisir !")),
    Act(("au revoir", "à bientôt", "à demain"), ("Au revoir !", "À bientôt !", "À demain !")),
    Act(("qui es-tu ?", "qui êtes-vous ?"), ("Je suis {name}, un programme qui cherche dans les documents.",)),
    Act(
        ("hallo", "guten Tag", "guten Morgen", "guten Abend", "hallo, wie geht's?"),
        ("Hallo!", "Guten Tag!", "Guten Morgen!", "Guten Abend!"), ("Was möchten Sie wissen?",),
    ),
    Act(("danke", "vielen Dank", "danke schön"), ("Gern geschehen!", "Bitte sehr!")),
    Act(("tschüss", "auf Wiedersehen", "bis morgen"), ("Auf Wiedersehen!", "Auf Wiedersehen!", "Bis morgen!")),
    Act(("wer bist du?", "wer sind Sie?"), ("Ich bin {name}, ein Programm, das in Dokumenten nachsieht.",)),
    Act(("ciao", "buongiorno", "buonasera"), ("Ciao!", "Buongiorno!", "Buonasera!"), ("Che cosa vuole sapere?",)),
    Act(("grazie", "grazie mille"), ("Prego!", "Di niente!")),
    Act(("arrivederci", "a presto"), ("Arrivederci!", "A presto!")),
    Act(("olá", "bom dia", "boa tarde"), ("Olá!", "Bom dia!", "Boa tarde!"), ("O que deseja saber?",)),
    Act(("obrigado", "muito obrigada"), ("De nada!",)),
    Act(("goedemorgen", "goedendag", "hoi"), ("Goedemorgen!", "Goedendag!", "Hallo!"), ("Wat wilt u weten?",)),
    Act(("dank je wel", "bedankt"), ("Graag gedaan!",)),
    Act(("tot ziens", "doei"), ("Tot ziens!",)),
)  # fmt: skip
