"""Trains and predicts with XGBoost as requests on standard input say, and answers on standard output.

Numbers of single precision are written as the doubles that they are, so that bits can be compared."""

import csv
import json
import sys

import numpy as np
import xgboost as xgb


def table(request, path):
    with open(path, newline="") as file:
        names, *rows = list(csv.reader(file))
    cells = np.array([[np.float32(cell) if cell else np.nan for cell in row] for row in rows], dtype=np.float32)
    cells = cells.reshape(len(rows), len(names))
    roles = [request.get(role) for role in ("label", "weight", "group")]
    features = [name for name in names if name not in roles]
    column = {name: cells[:, index] for index, name in enumerate(names)}
    types = ["c" if name in request.get("categories", []) else "q" for name in features]
    matrix = xgb.DMatrix(
        np.column_stack([column[name] for name in features]),
        label=column.get(roles[0]),
        weight=column.get(roles[1]),
        qid=column[roles[2]].astype(int) if roles[2] else None,
        feature_names=features,
        feature_types=types,
        enable_categorical=True,
    )
    return matrix


def floats(array):
    return [float(number) for number in np.asarray(array).reshape(-1)]


def answer_to(request):
    answer = {}
    data = table(request, request["data"])
    if "load" in request:
        booster = xgb.Booster(model_file=request["load"])
    else:
        watched = [(data, "train")]
        if "valid" in request:
            watched.append((table(request, request["valid"]), "valid"))
        history = {}
        params = {"nthread": 1, "tree_method": "hist", **request["params"]}
        booster = xgb.train(params, data, request["rounds"], evals=watched, evals_result=history, verbose_eval=False)
        answer["history"] = history
    booster.set_attr(**request.get("attributes", {}))
    for path in request.get("save", []):
        booster.save_model(path)
    answer["margins"] = floats(booster.predict(data, output_margin=True))
    answer["predictions"] = floats(booster.predict(data))
    answer["leaves"] = floats(booster.predict(data, pred_leaf=True))
    answer["evaluated"] = booster.eval(data)
    return answer


json.dump([answer_to(request) for request in json.load(sys.stdin)], sys.stdout)
