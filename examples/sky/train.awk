# Logistic regression by batch gradient descent: awk -f train.awk -v out=FILE TRAIN
# A row is the label and its features. The weights are written as one line, the constant first.

BEGIN { FS = ","; epochs = 60; rate = 1.0 }

{
    label[NR] = $1
    x[NR, 0] = 1
    for (i = 2; i <= NF; i++) x[NR, i - 1] = $i
    features = NF - 1
}

END {
    rows = NR
    for (epoch = 1; epoch <= epochs; epoch++) {
        loss = 0
        for (i = 0; i <= features; i++) gradient[i] = 0
        for (row = 1; row <= rows; row++) {
            score = 0
            for (i = 0; i <= features; i++) score += weight[i] * x[row, i]
            p = 1 / (1 + exp(-score))
            loss -= label[row] ? log(p + 1e-12) : log(1 - p + 1e-12)
            for (i = 0; i <= features; i++) gradient[i] += (p - label[row]) * x[row, i]
        }
        for (i = 0; i <= features; i++) weight[i] -= rate * gradient[i] / rows
        if (epoch % 20 == 0 || epoch == 1) printf "epoch %3d: loss %.4f\n", epoch, loss / rows
    }
    line = sprintf("%.8f", weight[0])
    for (i = 1; i <= features; i++) line = line "," sprintf("%.8f", weight[i])
    print line > out
    print "trained on " rows " rows"
}
