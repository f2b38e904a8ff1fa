$ErrorActionPreference = 'SilentlyContinue'
$profile_ = Get-ItemProperty 'HKLM:\SOFTWARE\FSLogix\Profiles'
$office = Get-ItemProperty 'HKLM:\SOFTWARE\Policies\FSLogix\ODFC'
$providers = @()
if (Get-Command Get-CloudCacheProvider) {
  $providers = @(Get-CloudCacheProvider | Select-Object -First 8 | ForEach-Object {
    [ordered]@{ name = [string]$_.Name; connected = [bool]$_.Connected; state = [string]$_.State }
  })
}
$report = [ordered]@{
  profileType = $profile_.ProfileType
  ccdLocations = if ($profile_.CCDLocations) { ($profile_.CCDLocations -join ';') } else { $null }
  officeCcdLocations = if ($office.CCDLocations) { ($office.CCDLocations -join ';') } else { $null }
  register = $profile_.HealthyProvidersRequiredForRegister
  unregister = $profile_.HealthyProvidersRequiredForUnregister
  providers = $providers
}
Write-Output (ConvertTo-Json $report -Compress -Depth 4)
