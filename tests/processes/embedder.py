"""An embedder for the tests: a JSON string a line in, its vector a line out.

A text's vector counts its words by what they are about, so that texts about
one thing are near each other without a word in common. The argument says what
is to go wrong: `after N exit|object|short|text`, or `pause N FIFO`, which says
through the FIFO that N texts were answered and waits to be answered there.
"""

import json
import sys

THEMES = (("cat", "dog", "horse", "pet"), ("car", "train", "plane", "bus"),
          ("bread", "apple", "cheese", "soup"))


def vector_of(text):
    words = text.lower().split()
    return [0.001 + sum(word.strip(".,") in theme for word in words)
            for theme in THEMES]


def main():
    what, count, how = (sys.argv[1:] + ["", "-1", ""])[:3]
    for number, line in enumerate(sys.stdin):
        answer = json.dumps(vector_of(json.loads(line)))
        if number == int(count) and what == "pause":
            with open(how, "w") as fifo:
                fifo.write("here\n")
            with open(how) as fifo:
                fifo.read()
        elif number == int(count):
            if how == "exit":
                sys.exit(3)
            answer = {"object": '{"vector": [1]}', "short": "[1.5]",
                      "text": "Ready."}[how]
        print(answer, flush=True)


main()
