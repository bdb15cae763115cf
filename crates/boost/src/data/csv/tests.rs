use super::*;

fn options() -> CsvOptions {
    CsvOptions { label: Some("y".to_owned()), ..CsvOptions::default() }
}

fn message(text: &str, options: &CsvOptions) -> String {
    read_csv(text.as_bytes(), options).unwrap_err().to_string()
}

#[test]
fn columns_are_features_unless_they_are_something_else() {
    let options = CsvOptions {
        weight: Some("w".to_owned()),
        id: Some("id".to_owned()),
        ignored: BTreeSet::from(["note".to_owned()]),
        ..options()
    };
    let data = read_csv(b"\xef\xbb\xbfa,y,w,id,note,b\n1,0,2,7,9,\n-2.5e3,1,0,8,x,NA\n", &options).unwrap();
    assert_eq!(data.features.names(), ["a", "b"]);
    assert_eq!((data.labels, data.weights, data.ids), (vec![0.0, 1.0], vec![2.0, 0.0], vec![7, 8]));
    let Column::Dense(b) = &data.features.columns()[1] else { panic!() };
    assert!(b.iter().all(|value| value.is_nan()));
    let mut block = [0.0; 4];
    data.features.copy_rows(0, &mut block);
    assert_eq!((block[0], block[2]), (1.0, -2500.0));
}

#[test]
fn mistakes_have_their_line_and_column() {
    let o = options();
    for (text, said) in [
        ("", "the file is empty"),
        ("a,a,y\n", "columns 1 and 2 are both called `a`"),
        ("a,b\n1,2\n", "there is no column `y`; the file has `a`, `b`"),
        (
            "a,y\n1,0\n\"quoted\nover lines\",0\n",
            "line 3, column 1 (`a`): `quoted\nover lines` is not a number",
        ),
        ("a,y\n1,0\n2\n", "line 3: 1 cells, where the first line names 2 columns"),
        ("a,y\n1,\n", "line 2, column 2 (`y`): there is no number"),
        ("a,y\n1,inf\n", "line 2, column 2 (`y`): `inf` is too large"),
        ("a,y\n1,NaN\n", "line 2, column 2 (`y`): there is no number"),
        ("a,y\n1e39,1\n", "`1e39` is too large"),
        ("a,y\n3e38,1\n", "column `a`, row 0: 3e38 is too large"),
    ] {
        let message = message(text, &o);
        assert!(message.contains(said), "{text:?}: {message}");
    }
    let typo = CsvOptions { label: Some("lable".to_owned()), ..CsvOptions::default() };
    assert_eq!(read_csv(b"label,a\n", &typo).unwrap_err().suggestion(), Some("label"));
    let negative = CsvOptions { weight: Some("a".to_owned()), ..options() };
    assert!(message("a,y\n-1,1\n", &negative).contains("a weight cannot be negative"));
}

#[test]
fn categories_are_small_whole_numbers() {
    let options = CsvOptions { categories: BTreeSet::from(["a".to_owned()]), ..options() };
    assert_eq!(read_csv(b"a,y\n3,0\n,0\n65533,0\n", &options).unwrap().features.kinds(), [Kind::Category]);
    for bad in ["-1", "0.5", "65534", "1e30"] {
        assert!(message(&format!("a,y\n{bad},0\n"), &options).contains("is no category"), "{bad}");
    }
}

#[test]
fn a_number_is_the_one_that_a_column_of_doubles_keeps() {
    // As a double it lies between two singles, at the same distance of both; the text lies a little above that.
    let text = "1.0000000596046448";
    assert_eq!(text.parse::<f32>().unwrap(), 1.000_000_1);
    let data = read_csv(format!("a,y\n{text},0\n").as_bytes(), &options()).unwrap();
    let Column::Dense(a) = &data.features.columns()[0] else { panic!() };
    assert_eq!((a[0], cell(text)), (1.0, Some(1.0)));
    assert!(cell("NA").unwrap().is_nan() && cell("much").is_none());
}
