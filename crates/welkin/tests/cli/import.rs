//! Price lists from folders, archives, files and servers.

use crate::bed::{Bed, both, stderr};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Cursor, Read, Write};
use std::net::TcpListener;
use std::path::Path;

const LIST: &str = "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,Price,SpotPrice\n\
                    gpu_1x_a10,30,200,A10,1,,us-east-1,0.75,\n\
                    gpu_8x_h100,208,1800,H100,8,,us-west-1,23.92,\n\
                    gpu_free,8,32,,,,us-west-1,0,\n\
                    broken,row\n";

fn assert_imported(bed: &Bed) {
    let offers = bed.json(&["offers", "--provider", "lambda"]);
    assert_eq!(offers["matching"], 2, "{offers}");
    let h100 = bed.json(&["offers", "--provider", "lambda", "-a", "H100:8"]);
    assert_eq!(h100["offers"][0]["on_demand_nano_usd"], 23_920_000_000_u64);
    let check = bed.ok(["catalog", "check"]);
    assert!(check.contains("zero_price") && check.contains("wrong_field_count"), "{check}");
    // The other providers keep what they had.
    assert!(bed.ok(["offers", "--provider", "azure", "-n", "1"]).contains("azure"));
}

#[test]
fn a_folder_with_several_versions() {
    let bed = Bed::new();
    bed.file("c/v7/lambda/vms.csv", "InstanceType,Region,Price\nold,us-east-1,1\n");
    bed.file("c/v8/lambda/vms.csv", LIST);
    bed.file("c/v8/lambda/images.csv", "Tag,Region\nx,y\n");
    let told = bed.ok(["catalog", "import", "c", "--as-of", "2026-05-20"]);
    assert!(told.contains("2026-05-20"), "{told}");
    assert_imported(&bed);
    bed.ok(["catalog", "reset"]);
    assert_eq!(bed.run(["offers", "--provider", "lambda"]).status.code(), Some(4));
}

#[test]
fn archives() {
    let bed = Bed::new();
    let folder = bed.home().with_file_name("archives");
    std::fs::create_dir_all(&folder).unwrap();
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(LIST.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "catalogs/v8/lambda/vms.csv", LIST.as_bytes()).unwrap();
    std::fs::write(folder.join("c.tar.gz"), tar.into_inner().unwrap().finish().unwrap()).unwrap();
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("catalogs-main/lambda/vms.csv", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(LIST.as_bytes()).unwrap();
    std::fs::write(folder.join("c.zip"), zip.finish().unwrap().into_inner()).unwrap();
    for archive in ["c.tar.gz", "c.zip"] {
        bed.ok(["catalog", "reset"]);
        bed.ok([Path::new("catalog"), Path::new("import"), &folder.join(archive)]);
        assert_imported(&bed);
    }
}

#[test]
fn a_single_file_and_a_plan_over_it() {
    let bed = Bed::new();
    bed.file("prices.csv", LIST);
    let unnamed = bed.run(["catalog", "import", "vms.csv"]);
    assert_eq!(unnamed.status.code(), Some(9), "{}", both(&unnamed));
    bed.ok(["catalog", "import", "prices.csv", "--provider", "lambda"]);
    assert_imported(&bed);
    bed.file(
        "job.yaml",
        "resources: {accelerators: A10, infra: lambda}\nrun: echo on $(cat /dev/null) lambda\n",
    );
    let told = bed.ok(["up", "job.yaml"]);
    assert!(told.contains("gpu_1x_a10") && told.contains("| on lambda"), "{told}");
    bed.assert_clean();
}

#[test]
fn a_server() {
    let bed = Bed::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        for status in ["200 OK", "404 Not Found"] {
            let (mut client, _) = server.accept().unwrap();
            let mut request = [0; 2048];
            assert!(client.read(&mut request).unwrap() > 0);
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", LIST.len());
            client.write_all((head + LIST).as_bytes()).unwrap();
        }
    });
    bed.ok(["catalog", "import", &format!("http://{address}/v8/lambda/vms.csv")]);
    assert_imported(&bed);
    let gone = bed.run(["catalog", "import", &format!("http://{address}/v8/lambda/vms.csv")]);
    assert_eq!(gone.status.code(), Some(11), "{}", both(&gone));
    serving.join().unwrap();
}

#[test]
fn what_holds_no_offer_changes_nothing() {
    let bed = Bed::new();
    bed.file("lambda/vms.csv", "InstanceType,Region,Price\nfree,us-east-1,0\n");
    let output = bed.run(["catalog", "import", "lambda/vms.csv"]);
    assert_eq!(output.status.code(), Some(3), "{}", both(&output));
    assert!(stderr(&output).contains("no offer could be read"), "{}", stderr(&output));
    assert_eq!(bed.run(["offers", "--provider", "lambda"]).status.code(), Some(4));
}

#[test]
fn prices_that_anybody_on_the_way_could_change_are_refused() {
    let bed = Bed::new();
    // Of the addresses for documentation: nobody is asked, so nobody has to answer.
    let output = bed.run(["catalog", "import", "http://192.0.2.2/lambda/vms.csv"]);
    assert_eq!(output.status.code(), Some(3), "{}", both(&output));
    assert!(stderr(&output).contains("is not encrypted") && stderr(&output).contains("--blake3"));
    // What is held against a hash may come from anywhere, and has to be that.
    bed.file("lambda/vms.csv", LIST);
    let other = blake3::hash(b"other").to_string();
    let output = bed.run(["catalog", "import", "lambda/vms.csv", "--blake3", &other]);
    assert!(stderr(&output).contains("not the one that was given"), "{}", both(&output));
    let right = blake3::hash(LIST.as_bytes()).to_string();
    bed.ok(["catalog", "import", "lambda/vms.csv", "--blake3", &right]);
    assert_imported(&bed);
}
