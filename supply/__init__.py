"""What Mosshub is made of, and whether somebody knows a weakness of it.

| module      | what                                                                       |
|-------------|----------------------------------------------------------------------------|
| `audit`     | `make audit`: known weaknesses of all locked packages                      |
| `scan`      | the same of what the images have of Debian, with Grype                     |
| `accepted`  | findings that are explained in `accepted.toml`                             |
| `sbom`      | `make sbom`: lists of all parts, one per image, as CycloneDX               |
| `pin`       | `make pin`: images by their digest instead of a name that may move         |
| `tools`     | uv, npm and docker, and the places of the locks                            |
"""
