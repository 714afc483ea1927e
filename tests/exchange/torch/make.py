"""make.py: models as PyTorch's exporter writes them, <name>.onnx, and <name>.npz with x and what PyTorch makes of it, y. Run
once, with PyTorch 1.13 (Debian: python3-torch), series, volume and same with 2.6: what tests read is kept beside it."""
import sys

import numpy as np
import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.deep = nn.Conv2d(4, 4, (1, 3), padding=(0, 1), groups=2, bias=False)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        x = x + torch.tanh(self.deep(x))
        return self.fc(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))


class Last(nn.Module):
    """The last state of a recurrent layer."""

    def __init__(self, layer, width):
        super().__init__()
        self.layer = layer
        self.fc = nn.Linear(width, 2)

    def forward(self, x):
        return self.fc(self.layer(x)[0][:, -1])


class All(nn.Module):
    """All states, and a dense layer on each."""

    def __init__(self, layer, width):
        super().__init__()
        self.layer = layer
        self.fc = nn.Linear(width, 2)

    def forward(self, x):
        return torch.softmax(self.fc(self.layer(x)[0]), -1)


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 3)
        self.gru = nn.GRU(3, 4, batch_first=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.gru(self.embedding(x))[0][:, -1])


MODELS = {
    "mlp": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 4), nn.LeakyReLU(0.2), nn.Linear(4, 3),
                          nn.Softmax(-1)), (6,)),
    "lenet": (nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 2, dilation=2),
                            nn.PReLU(4), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)), (1, 14, 14)),
    "residual": (Residual(), (3, 7, 6)),
    "lstm": (Last(nn.LSTM(3, 4, batch_first=True), 4), (5, 3)),
    "gru": (All(nn.GRU(3, 4, num_layers=2, batch_first=True, bidirectional=True), 8), (5, 3)),
    "rnn": (Last(nn.RNN(3, 4, batch_first=True, nonlinearity="relu"), 4), (5, 3)),
    "words": (Words(), (5,)),
    "series": (nn.Sequential(nn.Conv1d(2, 4, 3, padding=1), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2),
                             nn.Conv1d(4, 3, 2, dilation=2), nn.Tanh(), nn.Flatten(),
                             nn.Linear(12, 3)), (2, 12)),
    "volume": (nn.Sequential(nn.Conv3d(2, 4, (1, 3, 2), stride=(1, 2, 1), padding=1, groups=2), nn.BatchNorm3d(4), nn.ReLU(),
                             nn.AvgPool3d(2), nn.Conv3d(4, 3, 2), nn.MaxPool3d((2, 1, 1)), nn.Flatten(), nn.Linear(9, 2)),
               (2, 4, 9, 7)),
    "same": (nn.Sequential(nn.Conv2d(2, 3, (4, 3), padding="same"), nn.ReLU(), nn.Flatten(), nn.Linear(90, 2)), (2, 6, 5)),
}

torch.manual_seed(1)
for name, (model, shape) in MODELS.items():
    model.train()
    x = torch.randint(0, 11, (4, *shape)) if name == "words" else torch.randn(4, *shape)
    model(x)  # so that statistics are not those of the beginning
    model.eval()
    with torch.no_grad():
        y = model(x)
    torch.onnx.export(model, x, name + ".onnx", opset_version=int(sys.argv[1]) if len(sys.argv) > 1 else 14,
                      input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "N"}, "y": {0: "N"}})
    np.savez(name, x=x.numpy().astype(np.float32), y=y.numpy())
