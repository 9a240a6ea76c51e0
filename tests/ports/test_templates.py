"""Which models on an Ollama host go on from their own last message."""

import pytest

from ports.templates import calls_tools, goes_on

LLAMA3 = (
    "{{ if .System }}<|start_header_id|>system<|end_header_id|>\n\n{{ .System }}<|eot_id|>{{ end }}{{ if .Prompt }}"
    "<|start_header_id|>user<|end_header_id|>\n\n{{ .Prompt }}<|eot_id|>{{ end }}<|start_header_id|>assistant"
    "<|end_header_id|>\n\n{{ .Response }}<|eot_id|>"
)
LLAMA32 = (
    "{{- range $i, $_ := .Messages }}{{- $last := eq (len (slice $.Messages $i)) 1 }}<|start_header_id|>{{ .Role }}"
    "<|end_header_id|>\n\n{{ .Content }}{{ if not $last }}<|eot_id|>{{ end }}{{ end }}"
)
MISTRAL = (
    '{{- range $index, $_ := .Messages }}{{- if eq .Role "user" }}[INST] {{ .Content }}[/INST]{{- else }} '
    "{{ .Content }}"
    "{{- if not (eq (len (slice $.Messages $index)) 1) }}</s>{{- end }}{{- end }}{{- end }}"
)
CLOSED = (
    "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({"template": LLAMA3}, True),
        ({"template": "{{ .Prompt }}"}, True),
        ({"template": LLAMA32}, True),
        ({"template": MISTRAL}, True),
        ({"template": CLOSED}, False),
        ({"template": LLAMA32, "renderer": "qwen3-coder"}, False),
        ({"template": ""}, False),
        ({}, False),
    ],
)
def test_a_template_tells_whether_a_begun_answer_is_left_open(shown: dict[str, str], expected: bool) -> None:
    assert goes_on(shown) is expected


def test_a_model_calls_tools_only_where_its_host_says_so() -> None:
    assert calls_tools({"capabilities": ["completion", "tools"]}) is True
    assert calls_tools({"capabilities": ["completion"]}) is False
    assert calls_tools({}) is False
