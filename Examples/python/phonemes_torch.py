"""The model of phonemes.py in torch, with the weights that a swiftrnn model has now."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from swiftrnn.models import Batch, EncoderDecoder, Vocabulary


class Twin(nn.Module):
    """An encoder, a bridge, a decoder with general attention behind it, and their optimizer.

    Parameters
    ----------
    model : EncoderDecoder
        Of one layer, a bidirectional LSTM as its encoder, attention "general": its weights are copied.
    rate, steps : float, int
        Of Adam with a cosine schedule; gradients are clipped to norm 1.
    threads : int
        0: torch's own choice.
    """

    def __init__(self, model: EncoderDecoder, rate: float, steps: int, threads: int) -> None:
        super().__init__()
        if threads:
            torch.set_num_threads(threads)
        own = {name: torch.from_numpy(array) for name, array in model.state_dict().items()}
        read, written = own["encoder_embedding.weight"], own["decoder_embedding.weight"]
        self.hidden = own["bridge.bias_h_l0"].shape[0]
        self.encoder_embedding = nn.Embedding(*read.shape)
        self.encoder_network = nn.LSTM(read.shape[1], self.hidden, bidirectional=True)
        self.bridge_h, self.bridge_c = (nn.Linear(2 * self.hidden, self.hidden) for _ in range(2))
        self.decoder_embedding = nn.Embedding(*written.shape)
        self.decoder_network = nn.LSTM(written.shape[1], self.hidden)
        self.attention = nn.Linear(2 * self.hidden, self.hidden, bias=False)
        self.attention_output = nn.Linear(3 * self.hidden, self.hidden, bias=False)
        self.output = nn.Linear(self.hidden, written.shape[0])
        renamed = {"attention.output_weight": "attention_output.weight"}
        for state in "hc":
            renamed |= {f"bridge.{kind}_{state}_l0": f"bridge_{state}.{kind}" for kind in ("weight", "bias")}
        self.load_state_dict({renamed.get(name, name): tensor for name, tensor in own.items()})
        self.optimizer = torch.optim.Adam(self.parameters(), lr=rate, fused=True)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, steps)

    def encode(self, ids: torch.Tensor, lengths: torch.Tensor) -> tuple:
        """Outputs [T, N, 2H], which of them exist [N, T], and the decoder's first states."""
        packed = pack_padded_sequence(self.encoder_embedding(ids), lengths, enforce_sorted=False)
        outputs, (h, c) = self.encoder_network(packed)
        outputs, _ = pad_packed_sequence(outputs, total_length=len(ids))
        exists = torch.arange(len(ids)) < lengths[:, None]
        h, c = (torch.cat([state[0], state[1]], dim=1) for state in (h, c))
        return outputs, exists, (torch.tanh(self.bridge_h(h))[None], self.bridge_c(c)[None])

    def decode(self, ids: torch.Tensor, outputs: torch.Tensor, exists: torch.Tensor, state: tuple) -> tuple:
        """Logits [S, N, tokens], and the states behind the last step."""
        h, state = self.decoder_network(self.decoder_embedding(ids), state)
        scores = torch.einsum("snh,tnh->nst", h, self.attention(outputs))
        weights = scores.masked_fill(~exists[:, None], -torch.inf).softmax(dim=-1)
        context = torch.einsum("nst,tnk->snk", weights, outputs)
        return self.output(torch.tanh(self.attention_output(torch.cat([context, h], dim=-1)))), state

    def _mean(self, batch: Batch) -> torch.Tensor:
        ids = torch.from_numpy(batch.ids)
        lengths = torch.full((ids.shape[1],), len(ids)) if batch.lengths is None else torch.from_numpy(batch.lengths)
        logits, _ = self.decode(torch.from_numpy(batch.decoder_ids), *self.encode(ids, lengths))
        return F.cross_entropy(logits.flatten(0, 1), torch.from_numpy(batch.targets).flatten())

    def step(self, batch: Batch) -> float:
        """One step of training; the loss before it."""
        self.optimizer.zero_grad()
        loss = self._mean(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        return loss.item()

    @torch.no_grad()
    def loss(self, batch: Batch) -> float:
        return self._mean(batch).item()

    @torch.no_grad()
    def predict(self, sources: list[np.ndarray], vocabulary: Vocabulary, length: int) -> list[str]:
        """The likeliest token each time, up to ``<eos>``."""
        lengths = torch.tensor([len(source) for source in sources])
        ids = nn.utils.rnn.pad_sequence([torch.from_numpy(source) for source in sources])
        outputs, exists, state = self.encode(ids, lengths)
        token = torch.full((1, len(sources)), vocabulary["<bos>"])
        written = []
        for _ in range(length):
            logits, state = self.decode(token, outputs, exists, state)
            token = logits.argmax(dim=-1)
            written.append(token[0])
        columns = torch.stack(written).T.tolist()
        end = vocabulary["<eos>"]
        return [vocabulary.decode(column[: column.index(end)] if end in column else column) for column in columns]
