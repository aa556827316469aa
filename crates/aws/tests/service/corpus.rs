use std::path::Path;

/// Replays the corpus of the fuzz target.
#[test]
fn the_corpus_confuses_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/aws_request");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "the corpus is there");
    for file in files {
        let data = std::fs::read(&file).unwrap();
        aws::fuzz::run(&data);
        // And cut off here and there.
        (0..data.len()).step_by(17).for_each(|end| aws::fuzz::run(&data[..end]));
    }
}

proptest::proptest! {
    #[test]
    fn any_request_is_answered(
        operation in "[A-Za-z]{3,20}|SendMessage(Batch)?|ReceiveMessage|DeleteMessage(Batch)?|CreateQueue|SetQueueAttributes|TagQueue",
        key in "\\PC{0,12}|[0-9]{12}", name in "QueueUrl|Entries|MessageBody|Attributes|MessageAttributes|Tags",
        json in "[\\[\\]{}\",:0-9a-zA-Z \\\\]{0,60}", target in "/[!-~]{0,30}", form in "[!-~]{0,40}",
    ) {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature={}",
            "0".repeat(64)
        );
        let sqs = format!(
            "POST /\nx-amz-target: AmazonSQS.{operation}\nauthorization: {authorization}\n\n{{\"QueueUrl\": \"orders\", \"{name}\": {json}}}"
        );
        let query = format!("POST {target}\ncontent-type: application/x-www-form-urlencoded\n\n{form}&Action={operation}");
        aws::fuzz::run(format!("{sqs}\0{query}\0GET {target}\n\n").as_bytes());
    }
}
