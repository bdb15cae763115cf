//! Who keeps the data of an address.

/// Who keeps the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// A folder of the machine that reads the address.
    File,
    /// Amazon S3.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    AzureBlob,
    /// Cloudflare R2.
    R2,
    /// IBM Cloud Object Storage.
    IbmCos,
    /// Oracle Cloud Infrastructure Object Storage.
    OciObjects,
    /// Nebius Object Storage.
    Nebius,
    /// CoreWeave AI Object Storage.
    CoreWeave,
    /// The hub of Hugging Face.
    HuggingFace,
    /// A web server of somebody.
    Web,
    /// The memory of a process. No address that people write leads there.
    Memory,
}

impl Service {
    /// Short name of the provider whose prices hold for what leaves the store; `local` where that costs its
    /// reader nothing: this machine, and web servers, whose owner pays.
    #[must_use]
    pub const fn provider(self) -> &'static str {
        match self {
            Self::File | Self::HuggingFace | Self::Web | Self::Memory => "local",
            Self::S3 => "aws",
            Self::Gcs => "gcp",
            Self::AzureBlob => "azure",
            Self::R2 => "cloudflare",
            Self::IbmCos => "ibm",
            Self::OciObjects => "oci",
            Self::Nebius => "nebius",
            Self::CoreWeave => "coreweave",
        }
    }

    /// Whether addresses of this kind name stores of many providers: S3's protocol is spoken by the stores
    /// of others, and a web server can be anybody's.
    #[must_use]
    pub const fn is_of_many(self) -> bool {
        matches!(self, Self::File | Self::S3 | Self::Web)
    }
}
