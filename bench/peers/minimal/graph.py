"""The least graph that answers: one node, one call of the model. For aegra and `langgraph dev`."""

import os

from langchain_ollama import ChatOllama
from langgraph.graph import END, START, MessagesState, StateGraph

model = ChatOllama(model="stub:latest", base_url=os.environ["BENCH_STUB_URL"])


async def generate(state: MessagesState) -> MessagesState:
    """Answer with the model."""
    return {"messages": [await model.ainvoke(state["messages"])]}


builder = StateGraph(MessagesState)
builder.add_node("generate", generate)
builder.add_edge(START, "generate")
builder.add_edge("generate", END)
graph = builder.compile()
