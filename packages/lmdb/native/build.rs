fn main() {
    napi_build::setup();
    let mut lmdb = cc::Build::new();
    lmdb.files(["lmdb/guarded.c", "lmdb/midl.c"]).warnings(false).flag_if_supported("-fvisibility=hidden");
    if cfg!(windows) {
        println!("cargo:rustc-link-lib=ntdll");
    }
    lmdb.compile("lmdb");
    println!("cargo:rerun-if-changed=lmdb");
}
