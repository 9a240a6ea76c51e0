// Questions that were passed on to a person: what has become of each.

import * as api from "./api.js";
import { refresh } from "./message.js";

/** Tell each view which ticket it belongs to: the one that its run opened, or the one that it is the answer to. */
export async function tell(views, conversation) {
  const concerned = views.filter(({ answer }) => answer.author || answer.decision?.path === "escalate");
  if (!concerned.length) return;
  const { items } = await api.tickets().catch(() => ({ items: [] }));
  const here = items.filter((ticket) => ticket.conversation_id === conversation);
  for (const view of concerned) {
    const ticket = here.find((one) => belongs(one, view.answer));
    if (!ticket || ticket.status === view.answer.ticket?.status) continue;
    view.answer.ticket = ticket;
    refresh(view);
  }
}

const belongs = ({ run_id: run, message_id: message }, answer) =>
  answer.author ? message === answer.message : run !== null && run === answer.run;
