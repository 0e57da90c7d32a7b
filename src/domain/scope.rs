//! What a caller may reach, as a type that every store function of a tenant demands.
//!
//! Only authentication (`service::keys`) and the program's own workers make scopes; a test greps for that.

use super::id::{DirectoryId, OrganizationId};

/// The reach of one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrganizationScope {
    organization: OrganizationId,
}

impl OrganizationScope {
    /// The scope of `organization`, for callers whose credential was checked.
    pub(crate) fn authenticated(organization: OrganizationId) -> Self {
        OrganizationScope { organization }
    }

    /// The organization.
    pub fn organization(self) -> OrganizationId {
        self.organization
    }
}

/// The reach of one directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DirectoryScope {
    organization: OrganizationId,
    directory: DirectoryId,
}

impl DirectoryScope {
    /// The scope of `directory`, for callers whose token was checked.
    pub(crate) fn authenticated(organization: OrganizationId, directory: DirectoryId) -> Self {
        DirectoryScope { organization, directory }
    }

    /// The organization that the directory belongs to.
    pub fn organization(self) -> OrganizationId {
        self.organization
    }

    /// The directory.
    pub fn directory(self) -> DirectoryId {
        self.directory
    }
}
